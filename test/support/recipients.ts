import type { ExecutionContext } from 'ava'
import type { BehalfIntegration } from '../../src/domain/behalf.ts'
import { eventually } from './federation.ts'
import { LoopbackHttp } from './loopback-http.ts'
import type { Came, Respond } from './loopback-http.ts'
import { DEPLOYMENT, eventText } from './registrations.ts'
import type { StampAgent, StampRig } from './stamp-agent.ts'
import { readStream } from './stream-reader.ts'
import { BASE, call } from './uniform-calls.ts'

export const EVERYTHING = { projects: [], stages: [], services: [] }
export const taken: Respond = (_, response) => {
  response.writeHead(204).end()
}

export function integration(url: string, over: Partial<BehalfIntegration> = {}): BehalfIntegration {
  return {
    name: 'helm-service',
    namespace: 'keptn',
    isRegistered: true,
    subscriptions: [{ event: DEPLOYMENT, filter: EVERYTHING }],
    hostname: 'node-1',
    podName: '',
    version: '1.0',
    distributorVersion: '0.9.0',
    heartbeatMs: 500,
    recipient: { url: `${url}/events`, timeoutMs: 30_000 },
    ...over,
  }
}

export async function recipient(
  t: ExecutionContext,
  respond = taken,
  port = 0,
): Promise<LoopbackHttp> {
  const server = await LoopbackHttp.start(respond, undefined, port)
  t.teardown(() => server[Symbol.asyncDispose]().catch(() => undefined))
  return server
}

export interface Posted {
  readonly id: string
  readonly type: string
  readonly shkeptncontext: string
  readonly data: {
    readonly temporaryData: { readonly distributor: { readonly subscriptionID: string } }
  }
}

export const posted = ({ body }: Came): Posted => JSON.parse(body) as Posted
export const ids = ({ came }: LoopbackHttp): readonly string[] => came.map((one) => posted(one).id)
export const idOf = (text: string): string => (JSON.parse(text) as { id: string }).id

interface Known {
  readonly id: string
  readonly subscriptions: readonly { readonly id: string; readonly event: string }[]
}

export async function registered(agent: StampAgent): Promise<readonly Known[]> {
  return (await call(agent.servicesUrl, 'GET', BASE)).json as readonly Known[]
}

export async function recipientStatus(agent: StampAgent) {
  const response = await fetch(`${agent.adminUrl}/status`)
  const { integrations } = (await response.json()) as {
    integrations: { recipients: readonly Readonly<Record<string, unknown>>[] }
  }
  return integrations.recipients
}

export async function deadLetters(rig: StampRig) {
  const messages = await readStream(rig.gatewayClient, 'SIGNET_acme_main_DLQ')
  return messages.map((message) => `${message.subject}: ${message.header('Signet-Detail')}`)
}

/** Sends one more event and waits for it: what was sent before has then been looked at. */
export async function passed(rig: StampRig, server: LoopbackHttp): Promise<void> {
  const last = eventText(DEPLOYMENT, { stage: 'dev' }, 'the last one')
  await rig.send(last)
  await eventually(() => ids(server).includes(idOf(last)), 20_000, 'the last one is posted')
}
