import type { ExecutionContext } from 'ava'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { Registration } from '../../src/domain/registration.ts'
import { HttpKeptnCaller } from './http-keptn-caller.ts'
import { natsServer } from './nats-server.ts'
import { BASE, call } from './uniform-calls.ts'
import { controlPlane, startPod } from './uniform-pod.ts'
import type { PodOptions } from './uniform-pod.ts'

/** Generous: the machine may be slow. */
export const LIMIT_MS = 20_000

/** A stamp with one agent that leads, and a control plane. */
export async function uplinkRig(
  t: ExecutionContext,
  over: Partial<PodOptions> & { readonly ttlMs?: number } = {},
) {
  const { ttlMs = 3_600_000, ...more } = over
  const bridge = await controlPlane(t, { integrationTtlMs: ttlMs, ttlSweepMs: 50 })
  const keptn = await natsServer({ jetstream: true })
  t.teardown(() => keptn[Symbol.asyncDispose]())
  const caller = new HttpKeptnCaller(() => bridge.url)
  const pod = await startPod(t, { keptn, caller, ...more })
  await pod.lead()
  return { bridge, keptn, caller, pod, url: pod.url }
}

export async function ping(url: string, id: string): Promise<Registration> {
  const { status, json } = await call(url, 'PUT', `${BASE}/${id}/ping`)
  if (status !== 200) throw new Error(`the ping was answered with ${status}`)
  return json as Registration
}

/** What is subscribed, as `<event> <stages>` in order. */
export function wants(registration: Registration | undefined): readonly string[] {
  return (registration?.subscriptions ?? [])
    .map(({ event, filter }) => `${event.split('.')[3]} ${filter.stages.join()}`)
    .sort()
}

export function inBridge(bridge: KeptnDouble, namespace = 'keptn.eu-1'): Registration | undefined {
  return bridge
    .registrations()
    .find((one) => one.metadata.kubernetesmetadata.namespace === namespace) as
    Registration | undefined
}

/** Changes a subscription where a person does: at the control plane. */
export async function edit(
  bridge: KeptnDouble,
  sid: string,
  event: string,
  stages: readonly string[],
) {
  const id = inBridge(bridge)?.id ?? ''
  const filter = { projects: [], stages, services: [] }
  await call(bridge.url, 'PUT', `${BASE}/${id}/subscription/${sid}`, { event, filter })
}
