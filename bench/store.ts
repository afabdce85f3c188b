import { fileURLToPath } from 'node:url'
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import type { Held } from './forward-rig.ts'
import { ForwardRig } from './forward-rig.ts'

export interface StoreOptions {
  readonly events: number
  readonly inFlight: number
  readonly bodyBytes: number
}

/** What one event costs in one place, in bytes. */
interface Cost {
  /** In the stream's files. */
  readonly disk: number
  /** By which the server has grown; an estimate, since its memory is collected now and then. */
  readonly memory: number
}

export interface StoreReport {
  readonly bench: 'store'
  readonly node: string
  readonly natsServer: string
  readonly events: number
  readonly bodyBytes: number
  /** The yardstick: Keptn's own stream, which keeps events and no ids. */
  readonly keptn: Cost
  /** The hub store, for each copy; one stamp is one copy. */
  readonly down: Cost
  /** The Keptn NATS of a stamp: the way in, and what is said there. */
  readonly stamp: Cost
  /** What the servers hold in memory at the end, in MB. */
  readonly serverMb: { readonly keptn: number; readonly store: number; readonly stamp: number }
}

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))

/** What an event costs in the stores on its way, of disk and of memory, beside Keptn's own stream. */
export async function store(
  { events, inFlight, bodyBytes }: StoreOptions,
  tell: (line: string) => void,
): Promise<StoreReport> {
  const found = await findNatsServer({ progress: tell })
  tell(describeNatsServer(found))
  await using rig = await ForwardRig.start({ binary: found.path, cli: CLI, inFlight, bodyBytes })
  const before = await rig.held()
  await rig.load(events)
  tell(`${events} events are in Keptn's stream`)
  await rig.through(events)
  const after = await rig.held()
  const cost = (where: keyof typeof after): Cost => costOf(before[where], after[where], events)
  const inMb = (where: keyof typeof after): number => Math.round(after[where].memoryBytes / 1e6)
  return {
    bench: 'store',
    node: process.version,
    natsServer: found.version,
    events,
    bodyBytes,
    keptn: cost('keptn'),
    down: cost('store'),
    stamp: cost('stamp'),
    serverMb: { keptn: inMb('keptn'), store: inMb('store'), stamp: inMb('stamp') },
  }
}

function costOf(before: Held, after: Held, events: number): Cost {
  return {
    disk: Math.round((after.diskBytes - before.diskBytes) / events),
    memory: Math.round((after.memoryBytes - before.memoryBytes) / events),
  }
}
