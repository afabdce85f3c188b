import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignetError, isSignetError } from '../errors.ts'
import { freePorts } from './free-port.ts'
import { type NatsProcess, startNatsProcess } from './nats-process.ts'
import { type SuperclusterFaults, startFaults } from './supercluster-faults.ts'
import {
  type LinkPorts,
  type SuperclusterOptions,
  gatewayName,
  keptnName,
  placeStamps,
  planServers,
  storeName,
} from './supercluster-plan.ts'
import { missingLinks } from './supercluster-ready.ts'
import { waitUntil } from './wait-until.ts'

const startAttempts = 3
const readyLimitMs = 15_000

/**
 * Starts the servers of a federation on this machine: a gateway server for each geo, the hub store
 * behind the home gateway, and a Keptn NATS for each stamp. Resolves when each server accepts
 * clients; `ready()` waits for their links. Leaves nothing running where it fails.
 */
export async function startSupercluster(options: SuperclusterOptions): Promise<Supercluster> {
  // First, since it refuses what cannot be.
  const stamps = placeStamps(options)
  for (let attempt = 1; ; attempt++) {
    const supercluster = new Supercluster(options, stamps)
    try {
      await supercluster.start()
      return supercluster
    } catch (error) {
      await supercluster.close()
      // Its ports were free when they were chosen, and other servers are told of them: choose anew.
      if (attempt === startAttempts || !isSignetError(error, 'SIGNET_PORT_TAKEN')) throw error
    }
  }
}

/** The running servers of a federation. Made by `startSupercluster`. */
export class Supercluster implements AsyncDisposable {
  /** All servers by name: `gateway-<geo>`, `store`, `keptn-<stamp>`. */
  readonly processes = new Map<string, NatsProcess>()
  readonly #options: SuperclusterOptions
  readonly #stamps: ReadonlyMap<string, string>
  #ownedDir: string | undefined
  #faults: SuperclusterFaults | undefined

  constructor(options: SuperclusterOptions, stamps: ReadonlyMap<string, string>) {
    this.#options = options
    this.#stamps = stamps
  }

  /** Part of `startSupercluster`; once only. */
  async start(): Promise<void> {
    const { binary, geos, proxied = false } = this.#options
    const dir = this.#options.dir ?? (await mkdtemp(join(tmpdir(), 'signet-supercluster-')))
    if (this.#options.dir === undefined) this.#ownedDir = dir
    const actual = await takeLinkPorts(geos)
    if (proxied) this.#faults = await startFaults(actual)
    const servers = planServers(this.#options, actual, this.#faults?.ports ?? actual)
    const outcomes = await Promise.allSettled(
      [...servers].map(async ([name, config]) => {
        const server = await startNatsProcess({ binary, name, config, dir: join(dir, name) })
        this.processes.set(name, server)
      }),
    )
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  get store(): NatsProcess {
    return this.process(storeName)
  }

  gateway(geo: string): NatsProcess {
    return this.process(gatewayName(geo))
  }

  /** The gateway server of a stamp's geo: what an agent of the stamp connects to. */
  gatewayOf(stamp: string): NatsProcess {
    const geo = this.#stamps.get(stamp)
    if (geo === undefined) throw new SignetError('SIGNET_USAGE', `there is no stamp ${stamp}`)
    return this.gateway(geo)
  }

  /** The Keptn NATS of a stamp. */
  keptn(stamp: string): NatsProcess {
    return this.process(keptnName(stamp))
  }

  /** The server of that name; SIGNET_USAGE where there is none. */
  process(name: string): NatsProcess {
    const found = this.processes.get(name)
    if (found === undefined) throw new SignetError('SIGNET_USAGE', `there is no server ${name}`)
    return found
  }

  /**
   * Resolves when all links between the servers are there; SIGNET_START_FAILED, naming those that are
   * missing, after `limitMs`. Also after a fault was healed.
   */
  async ready(limitMs = readyLimitMs): Promise<void> {
    const gateways = new Map(this.#options.geos.map((geo) => [geo, this.gateway(geo)]))
    const servers = { gateways, homeGeo: this.#options.home.geo, store: this.store }
    let missing: string[] = []
    await waitUntil(
      async () => {
        missing = await missingLinks(servers)
        return missing.length === 0 ? true : undefined
      },
      limitMs,
      () => {
        const message = `The supercluster is not complete after ${limitMs} ms: ${missing.join('; ')}.`
        return new SignetError('SIGNET_START_FAILED', message, { details: { missing } })
      },
    )
  }

  /** Resets the links between this geo and the others, and refuses new ones. Needs `proxied`, as all faults do. */
  async cutGeo(geo: string): Promise<void> {
    await this.#proxies().geo(this.#knownGeo(geo), 'cut')
  }

  /** Stops all bytes between this geo and the others; the sockets stay open. */
  async holeGeo(geo: string): Promise<void> {
    await this.#proxies().geo(this.#knownGeo(geo), 'hole')
  }

  async healGeo(geo: string): Promise<void> {
    await this.#proxies().geo(this.#knownGeo(geo), 'heal')
  }

  /** Resets the link between the hub store and its gateway, and refuses new ones. */
  async cutStore(): Promise<void> {
    await this.#proxies().leaf(this.#options.home.geo, 'cut')
  }

  async holeStore(): Promise<void> {
    await this.#proxies().leaf(this.#options.home.geo, 'hole')
  }

  async healStore(): Promise<void> {
    await this.#proxies().leaf(this.#options.home.geo, 'heal')
  }

  /** Ends all servers and removes their files, unless their folder was given. May be called twice. */
  async close(): Promise<void> {
    await Promise.all([...this.processes.values()].map((server) => server[Symbol.asyncDispose]()))
    await this.#faults?.[Symbol.asyncDispose]()
    const dir = this.#ownedDir
    if (dir !== undefined) await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #proxies(): SuperclusterFaults {
    if (this.#faults !== undefined) return this.#faults
    throw new SignetError(
      'SIGNET_USAGE',
      'faults need a supercluster that was started with `proxied`',
    )
  }

  #knownGeo(geo: string): string {
    if (this.#options.geos.includes(geo)) return geo
    throw new SignetError('SIGNET_USAGE', `there is no geo ${geo}`)
  }
}

async function takeLinkPorts(geos: readonly string[]): Promise<ReadonlyMap<string, LinkPorts>> {
  const ports = await freePorts(2 * geos.length)
  return new Map(
    geos.map((geo, i) => [geo, { gateway: ports[2 * i] ?? -1, leaf: ports[2 * i + 1] ?? -1 }]),
  )
}
