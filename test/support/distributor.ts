import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import type { ServerResponse } from 'node:http'
import { randomUUID } from 'node:crypto'
import { parseDistributorSettings } from '../../src/config/settings-distributor.ts'
import { distributorConfig } from '../../src/commands/distributor.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import type { Distributor } from '../../src/distributor/create-distributor.ts'
import { createDistributor } from '../../src/distributor/create-distributor.ts'
import type { Log } from '../../src/observe/log.ts'
import { eventually } from './eventually.ts'
import type { Came } from './loopback-http.ts'
import { json, LoopbackHttp } from './loopback-http.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'

export const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
export const LIMIT = 30_000

interface Wanted {
  readonly id: string
  readonly event: string
  readonly filter?: object
}

/** Keptn's API as far as a distributor calls it: a test says what is registered and what is open. */
export class ScriptedKeptn {
  /** What a heartbeat brings; undefined: the registration is not known. */
  subscriptions: readonly Wanted[] | undefined = []
  /** Open events by type. */
  open: Readonly<Record<string, readonly object[]>> = {}
  /** Answers a request otherwise; false: as always. */
  instead: (came: Came, response: ServerResponse) => boolean = () => false
  readonly http: LoopbackHttp

  private constructor(http: LoopbackHttp) {
    this.http = http
    http.respond = (came, response) => {
      this.#respond(came, response)
    }
  }

  static async start(t: ExecutionContext): Promise<ScriptedKeptn> {
    const http = await LoopbackHttp.start(() => {})
    t.teardown(() => http[Symbol.asyncDispose]())
    return new ScriptedKeptn(http)
  }

  get url(): string {
    return this.http.url
  }

  /** The requests of a method whose path ends so. */
  asked(method: string, end: string): readonly Came[] {
    return this.http.came.filter((came) => came.method === method && came.path.endsWith(end))
  }

  #respond(came: Came, response: ServerResponse): void {
    if (this.instead(came, response)) return
    const { method, path } = came
    if (path.endsWith('/uniform/registration')) json(response, 201, { id: 'reg-1' })
    else if (path.endsWith('/ping')) this.#ping(response)
    else if (path.includes('/event/triggered/')) {
      const type = path.slice(path.lastIndexOf('/') + 1)
      json(response, 200, { events: this.open[type] ?? [], nextPageKey: '0' })
    } else if (method === 'POST') json(response, 200, {})
    else json(response, 200, { path, events: [] })
  }

  #ping(response: ServerResponse): void {
    if (this.subscriptions === undefined) {
      json(response, 404, { code: 404, message: 'uniform integration not found' })
      return
    }
    const filter = { projects: null, stages: null, services: null }
    const subscriptions = this.subscriptions.map((one) => ({ filter, ...one }))
    json(response, 200, { id: 'reg-1', name: 'my-service', metadata: {}, subscriptions })
  }
}

/** The integration beside a distributor: what it was posted, and how it answers. */
export class ScriptedRecipient {
  readonly http: LoopbackHttp

  private constructor(http: LoopbackHttp) {
    this.http = http
  }

  static async start(t: ExecutionContext): Promise<ScriptedRecipient> {
    const http = await LoopbackHttp.start((_, response) => {
      response.end()
    })
    t.teardown(() => http[Symbol.asyncDispose]())
    return new ScriptedRecipient(http)
  }

  get events(): readonly Posted[] {
    return this.http.came.map(({ body }) => JSON.parse(body) as Posted)
  }

  /** `<event id> <subscription id>` of each post. */
  get ids(): readonly string[] {
    return this.events.map(({ id, data }) => {
      const tag = data.temporaryData?.distributor?.subscriptionID
      return tag === undefined ? id : `${id} ${tag}`
    })
  }

  /** The variables that lead to it. */
  get environment() {
    return { PUBSUB_RECIPIENT: '127.0.0.1', PUBSUB_RECIPIENT_PORT: String(this.http.port) }
  }
}

export interface Posted {
  readonly id: string
  readonly triggeredid: string
  readonly data: {
    readonly temporaryData?: { readonly distributor?: { readonly subscriptionID: string } }
  }
}

export const REGISTERED = {
  K8S_DEPLOYMENT_NAME: 'my-service',
  K8S_NAMESPACE: 'keptn',
  HEARTBEAT_INTERVAL: '100ms',
  REGISTRATION_INTERVAL: '100ms',
}

/** A running distributor with that environment, gone after the test; its port is any free one. */
export async function distributor(
  t: ExecutionContext,
  environment: Readonly<Record<string, string>>,
): Promise<Distributor & { readonly url: string }> {
  t.timeout(120_000)
  const parsed = parseDistributorSettings({ API_PROXY_PORT: '0', ...environment })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  let url = ''
  const log: Log = {
    ...silent,
    info: (facts) => {
      url = (facts as { url?: string }).url ?? url
    },
  }
  const config = distributorConfig(parsed.settings, '0.0.0')
  const made = createDistributor({ ...config, pollingMs: 50 }, log)
  t.teardown(() => made.stop())
  await made.start()
  await eventually('its address', () => url !== '')
  return { ...made, url }
}

/** A NATS server with a client, gone after the test. */
export async function nats(
  t: ExecutionContext,
): Promise<{ server: NatsProcess; nc: NatsConnection }> {
  const server = await natsServer()
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  t.teardown(async () => {
    await nc.close()
    await server[Symbol.asyncDispose]()
  })
  return { server, nc }
}

/** An event as shipyard-controller sends it. */
export function triggered(over: object = {}, data: object = {}) {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: 'shipyard-controller',
    type: DEPLOYMENT,
    time: new Date().toISOString(),
    shkeptncontext: randomUUID(),
    data: { project: 'shop', stage: 'dev', service: 'cart', ...data },
    ...over,
  }
}
