import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Federation } from '../src/demo/federation.ts'
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import { KEPTN_PATTERN, KEPTN_STREAM } from '../src/domain/store-names.ts'
import { measuredAgent } from './process-figures.ts'
import { Floor } from './tunnel-floor.ts'
import { Caller, rateOf, timesOf } from './tunnel-load.ts'

export interface TunnelOptions {
  /** Small calls of each kind, in all rounds together. */
  readonly calls: number
  readonly rounds: number
  readonly atOnce: number
  /** The size of a large body, in bytes. */
  readonly bodyBytes: number
}

interface Compared {
  readonly direct: number
  readonly tunnel: number
  /** Tunnel by direct. */
  readonly ratio: number
}

export interface TunnelReport {
  readonly bench: 'tunnel'
  readonly node: string
  readonly natsServer: string
  readonly calls: number
  readonly atOnce: number
  readonly bodyBytes: number
  /** A bare request and reply over the same gateway servers, in milliseconds. */
  readonly floorMs: { readonly p50: number; readonly p99: number }
  readonly getMs: { readonly p50: Compared; readonly p99: Compared }
  readonly postMs: { readonly p50: Compared; readonly p99: Compared }
  readonly callsPerSecond: Compared
  readonly downMbPerSecond: Compared
  readonly upMbPerSecond: Compared
  /** The most that the agents took, by stamp, in MB. */
  readonly rssMb: Readonly<Record<string, number>>
}

type Tell = (line: string) => void

const HOME = 'home'
const STAMP = 'stamp-1'
const RESOURCE = '/v1/project/shop/stage/dev/service/cart/resource'
const SMALL = `${RESOURCE}/job%2Fconfig.yaml`
const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))

/**
 * Calls to a service in a stamp of another geo than home, beside calls to the same service directly, by
 * turns. The service has a thread of its own, the agents their processes.
 */
export async function tunnel(options: TunnelOptions, tell: Tell): Promise<TunnelReport> {
  const found = await findNatsServer({ progress: tell })
  tell(describeNatsServer(found))
  const worker = new Worker(new URL('./tunnel-service.js', import.meta.url))
  const [service] = (await once(worker, 'message')) as [string]
  await using federation = await Federation.prepare({
    binary: found.path,
    cli: CLI,
    name: 'bench',
    home: { geo: 'eu', stamp: HOME },
    rings: ['canary'],
    stamps: [{ name: STAMP, geo: 'us', ring: 'canary' }],
    stages: [{ stage: 'dev', rings: ['canary'] }],
    environment: { SIGNET_KEPTN_SERVICES: `resource-service=${service}` },
  })
  try {
    await makeKeptnStream(federation)
    federation.startAgents()
    await federation.ready()
    const stamp = await federation.agent(STAMP).url('services')
    const callers = {
      direct: new Caller(service, options.atOnce),
      tunnel: new Caller(stamp, options.atOnce, 'resource-service:8080'),
    }
    await using floor = await Floor.open(federation.supercluster, 'us', 'eu')
    const report = await measure(options, callers, floor, tell)
    const rssMb: Record<string, number> = {}
    for (const name of [HOME, STAMP])
      rssMb[name] = Math.round((await measuredAgent(federation.agent(name))()).rssMb)
    for (const caller of Object.values(callers)) caller.close()
    const { calls, atOnce, bodyBytes } = options
    const about = { node: process.version, natsServer: found.version, calls, atOnce, bodyBytes }
    return { bench: 'tunnel', ...about, ...report, rssMb }
  } finally {
    await worker.terminate()
  }
}

/** Keptn makes it, and the hub waits for it. */
async function makeKeptnStream(federation: Federation): Promise<void> {
  const nc = await connect({ servers: federation.supercluster.keptn(HOME).url })
  const manager = await jetstreamManager(nc, { checkAPI: false })
  await manager.streams.add({ name: KEPTN_STREAM, subjects: [KEPTN_PATTERN] })
  await nc.close()
}

interface Callers {
  readonly direct: Caller
  readonly tunnel: Caller
}

async function measure(
  { calls, rounds, atOnce, bodyBytes }: TunnelOptions,
  callers: Callers,
  floor: Floor,
  tell: Tell,
): Promise<
  Omit<TunnelReport, 'bench' | 'node' | 'natsServer' | 'calls' | 'atOnce' | 'bodyBytes' | 'rssMb'>
> {
  const ways = ['direct', 'tunnel'] as const
  const bare: number[] = []
  const get: Record<string, number[]> = { direct: [], tunnel: [] }
  const post: Record<string, number[]> = { direct: [], tunnel: [] }
  const rates: Record<string, number[]> = { direct: [], tunnel: [] }
  const down: Record<string, number[]> = { direct: [], tunnel: [] }
  const up: Record<string, number[]> = { direct: [], tunnel: [] }
  const share = Math.ceil(calls / rounds)
  for (const way of ways) await timesOf(100, () => callers[way].call('GET', SMALL))
  await timesOf(100, () => floor.ask())
  for (let round = 1; round <= rounds; round += 1) {
    bare.push(...(await timesOf(share, () => floor.ask())))
    for (const way of round % 2 === 1 ? ways : ways.toReversed()) {
      const caller = callers[way]
      get[way]?.push(...(await timesOf(share, () => caller.call('GET', SMALL))))
      post[way]?.push(...(await timesOf(share, () => caller.call('POST', RESOURCE, 300))))
      rates[way]?.push(await rateOf(share * 4, atOnce, () => caller.call('GET', SMALL)))
      const large = `${RESOURCE}/large?bytes=${bodyBytes}`
      const [downMs = 0] = await timesOf(1, () => caller.call('GET', large))
      const [upMs = 0] = await timesOf(1, () => caller.call('PUT', RESOURCE, bodyBytes))
      down[way]?.push(bodyBytes / 1_000 / downMs)
      up[way]?.push(bodyBytes / 1_000 / upMs)
      tell(`round ${round} of ${rounds}, ${way}: ${Math.round(rates[way]?.at(-1) ?? 0)} calls/s`)
    }
  }
  return {
    floorMs: { p50: rounded(quantile(bare, 0.5)), p99: rounded(quantile(bare, 0.99)) },
    getMs: { p50: compared(get, 0.5), p99: compared(get, 0.99) },
    postMs: { p50: compared(post, 0.5), p99: compared(post, 0.99) },
    callsPerSecond: compared(rates, 0.5),
    downMbPerSecond: compared(down, 0.5),
    upMbPerSecond: compared(up, 0.5),
  }
}

function compared(figures: Readonly<Record<string, readonly number[]>>, at: number): Compared {
  const direct = quantile(figures['direct'] ?? [], at)
  const through = quantile(figures['tunnel'] ?? [], at)
  return { direct: rounded(direct), tunnel: rounded(through), ratio: rounded(through / direct) }
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
}

function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
