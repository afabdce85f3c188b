import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Agent, AgentConfig } from '../../src/agent.ts'
import { createAgent } from '../../src/agent.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import type { LinkKind, Topology } from '../../src/domain/topology.ts'
import type { Log } from '../../src/observe/log.ts'
import { Listener } from './listener.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { PLACE, topology } from './stamp-agent.ts'
import { tunnelConfig } from './tunnel-config.ts'
import { QUICK } from './uniform-pod.ts'

/** A port where a gateway might be: nobody speaks NATS there, and who comes is counted. */
export interface Decoy {
  readonly port: number
  readonly connections: number
}

async function decoy(t: ExecutionContext): Promise<Decoy> {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    port,
    get connections() {
      return connections
    },
  }
}

export interface HttpsAgent extends Agent {
  readonly adminUrl: string
  /** The fixed names of Keptn's services. */
  readonly servicesUrl: string
  /** The distributor's paths. */
  readonly httpUrl: string
}

/** `eu-1` with another link. */
export function linked(link: LinkKind): Topology {
  const base = topology()
  return { ...base, stamps: base.stamps.map((stamp) => ({ ...stamp, link })) }
}

/** The Keptn NATS of a stamp whose link is HTTPS, and agents of it as `signet agent` makes them. */
export async function httpsAgents(
  t: ExecutionContext,
  endpoint: string,
  token: string,
): Promise<{
  readonly gateway: Decoy
  readonly keptn: NatsProcess
  readonly nc: NatsConnection
  readonly heard: Listener
  agent(over?: Partial<AgentConfig>): Promise<HttpsAgent>
}> {
  const gateway = await decoy(t)
  const keptn = await natsServer({ jetstream: true })
  const nc = await connect({ servers: keptn.url })
  const heard = new Listener(nc, 'sh.keptn.>')
  await nc.flush()
  const agents: Agent[] = []
  t.teardown(async () => {
    await Promise.all(agents.map((agent) => agent.stop()))
    await nc.close()
    await keptn[Symbol.asyncDispose]()
  })
  const agent = async (over: Partial<AgentConfig> = {}): Promise<HttpsAgent> => {
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
    const made = createAgent(
      {
        version: '0.0.0',
        topology: linked('https'),
        stamp: PLACE.stamp,
        agent: randomUUID(),
        gateway: { servers: [`nats://127.0.0.1:${gateway.port}`], auth: {} },
        keptn: { servers: [keptn.url], auth: {} },
        api: {
          endpoint,
          token,
          proxies: {},
          verifyTls: true,
          timeoutMs: 20_000,
          pollingMs: 50,
          failoverAfterMs: 1_500,
        },
        admin: any,
        services: any,
        http: any,
        inFlight: 64,
        drainMs: 10_000,
        dedupeWindowMs: 3_600_000,
        retentionMs: 3_600_000,
        presenceIntervalMs: 500,
        replicas: 1,
        tunnel: tunnelConfig(),
        upstreamPace: QUICK,
        ...over,
      },
      log,
    )
    agents.push(made)
    await made.start()
    return {
      ...made,
      adminUrl: urls.get('The admin server listens.') ?? '',
      servicesUrl: urls.get('The services server listens.') ?? '',
      httpUrl: urls.get('The HTTP server listens.') ?? '',
    }
  }
  return { gateway, keptn, nc, heard, agent }
}
