import type { NatsConnection } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import type { Agent, AgentConfig } from '../../src/agent.ts'
import { createAgent } from '../../src/agent.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { durableName, storeNames } from '../../src/domain/store-names.ts'
import { directionPattern, linkPattern, linkSubject } from '../../src/domain/subject.ts'
import type { Topology } from '../../src/domain/topology.ts'
import type { NatsSide } from '../../src/links/nats-side.ts'
import { Publisher } from '../../src/links/publisher.ts'
import type { Log } from '../../src/observe/log.ts'
import { Store } from '../../src/links/store.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { tunnelConfig } from './tunnel-config.ts'
import { connectedSide } from './nats-side.ts'

export const SCOPE = { federation: 'acme', controlPlane: 'main' }
export const PLACE = { geo: 'eu', ring: 'canary', stamp: 'eu-1' }

export function topology(handles: readonly string[] = []): Topology {
  return {
    federation: SCOPE.federation,
    controlPlanes: [
      {
        name: SCOPE.controlPlane,
        home: { geo: 'eu', stamp: 'eu-core' },
        projects: ['*'],
        storeDomain: 'hub',
      },
    ],
    rings: ['canary'],
    stages: [{ stage: 'dev', rings: ['canary'] }],
    tasks: {
      default: {
        select: 'all',
        success: 'all',
        startTimeoutMs: 300_000,
        finishTimeoutMs: 7_200_000,
        offline: 'wait',
        missing: 'report',
      },
      named: {},
    },
    geos: [{ name: 'eu', residency: { leave: 'allow', allow: [] } }],
    stamps: [{ name: 'eu-1', geo: 'eu', ring: 'canary', link: 'auto', labels: {}, handles }],
  }
}

/** An agent with the addresses that it logged. */
export interface StampAgent extends Agent {
  readonly adminUrl: string
  /** The fixed names of Keptn's services, and the distributor's proxy path to them. */
  readonly servicesUrl: string
  readonly proxyUrl: string
}

export interface StampRig {
  readonly gateway: NatsProcess
  readonly keptn: NatsProcess
  /** A client of the stamp's Keptn NATS, and one of the gateway. */
  readonly nc: NatsConnection
  readonly gatewayClient: NatsConnection
  /** A started agent of the stamp; stopped after the test where it was not before. */
  agent(over?: Partial<Pick<AgentConfig, 'inFlight' | 'integrations'>>): Promise<StampAgent>
  /** Stores an event in the hub store for the stamp, as a hub does. */
  send(body: string): Promise<void>
  readonly hubStore: Store
}

/** A stamp with real servers, and a hub store without a hub: events are what the test sends. */
export async function stampRig(
  t: ExecutionContext,
  { jetstream = true }: { readonly jetstream?: boolean } = {},
): Promise<StampRig> {
  const gateway = await natsServer({ config: 'jetstream { domain: hub }' })
  const keptn = await natsServer({ jetstream })
  const side = await connectedSide(gateway.url, { side: 'gateway' })
  const publisher = new Publisher(side)
  publisher.start()
  const nc = await connect({ servers: keptn.url })
  const gatewayClient = await connect({ servers: gateway.url })
  const agents: Agent[] = []
  t.teardown(async () => {
    await Promise.all(agents.map((agent) => agent.stop()))
    publisher.stop()
    await side.close()
    await nc.close()
    await gatewayClient.close()
    await gateway[Symbol.asyncDispose]()
    await keptn[Symbol.asyncDispose]()
  })
  const hubStore = await makeHubStore(side)
  return {
    gateway,
    keptn,
    nc,
    gatewayClient,
    hubStore,
    async agent({ inFlight = 64, integrations = [] } = {}) {
      const urls = new Map<string, string>()
      const log: Log = {
        ...silent,
        info: (facts, message) => {
          const { admin, url } = facts as { admin?: string; url?: string }
          const address = admin ?? url
          if (address !== undefined) urls.set(message, address)
        },
      }
      const any = { host: '127.0.0.1', port: 0 }
      const agent = createAgent(
        {
          version: '0.0.0',
          topology: topology(),
          stamp: PLACE.stamp,
          agent: randomUUID(),
          gateway: { servers: [gateway.url], auth: {} },
          keptn: { servers: [keptn.url], auth: {} },
          admin: any,
          services: any,
          http: any,
          inFlight,
          integrations,
          drainMs: 5_000,
          dedupeWindowMs: 3_600_000,
          retentionMs: 3_600_000,
          presenceIntervalMs: 60_000,
          replicas: 1,
          tunnel: tunnelConfig(),
        },
        log,
      )
      agents.push(agent)
      await agent.start()
      return {
        ...agent,
        adminUrl: urls.get('The admin server listens.') ?? '',
        servicesUrl: urls.get('The services server listens.') ?? '',
        proxyUrl: `${urls.get('The HTTP server listens.') ?? ''}/controlPlane`,
      }
    },
    async send(body) {
      const { type, id } = JSON.parse(body) as { type: string; id: string }
      await publisher.store({
        subject: linkSubject(SCOPE, 'down', PLACE, type.slice('sh.keptn.'.length)),
        body: Buffer.from(body),
        stream: storeNames(SCOPE).down,
        headers: { 'Nats-Msg-Id': `${id}:${PLACE.stamp}`, 'Signet-Path': 'eu-core' },
      })
    },
  }
}

async function makeHubStore(side: NatsSide): Promise<Store> {
  const store = new Store(side, 'hub')
  const { down, up, deadLetters } = storeNames(SCOPE)
  const ages = { maxAgeMs: 3_600_000, duplicateWindowMs: 3_600_000, replicas: 1 }
  await store.ensureStream({ name: down, subjects: [directionPattern(SCOPE, 'down')], ...ages })
  await store.ensureStream({ name: up, subjects: [directionPattern(SCOPE, 'up')], ...ages })
  await store.ensureStream({ name: deadLetters, subjects: ['signet.acme.dlq.main.>'], ...ages })
  await store.ensureConsumer({
    stream: down,
    durable: durableName(PLACE.stamp),
    filter: linkPattern(SCOPE, 'down', PLACE),
    start: { from: 'all' },
    ackWaitMs: 6_000,
    maxAckPending: 5_000,
  })
  return store
}
