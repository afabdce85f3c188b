import { fileURLToPath } from 'node:url'
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import type { ForwardReport, Run } from './forward-report.ts'
import { reportHop } from './forward-report.ts'
import { ForwardRig } from './forward-rig.ts'

export interface ForwardOptions {
  /** Through each hop, in all rounds together. */
  readonly events: number
  readonly rounds: number
  readonly inFlight: number
  readonly bodyBytes: number
}

type Tell = (line: string) => void
type Turn = 'yardstick' | 'ours'

const TURNS: readonly Turn[] = ['yardstick', 'ours']

/** The command line, in the build that this file is part of. */
const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))

/**
 * Events through hub and stamp, beside a bare copy loop over the same servers. First hop by hop: in each
 * round the same events go from Keptn's stream to the hub store and from there to the stamp, once with the
 * loop and once with the agent, which take turns at being first. Then all events go through both at once,
 * between two halves of the loops' turn, so that a machine that slows down meanwhile favours neither.
 */
export async function forward(options: ForwardOptions, tell: Tell): Promise<ForwardReport> {
  const { events, rounds, inFlight, bodyBytes } = options
  const found = await findNatsServer({ progress: tell })
  tell(describeNatsServer(found))
  await using rig = await ForwardRig.start({ binary: found.path, cli: CLI, inFlight, bodyBytes })
  const hops = {
    hub: { ours: [] as Run[], yardstick: [] as Run[] },
    stamp: { ours: [] as Run[], yardstick: [] as Run[] },
    endToEnd: { ours: [] as Run[], yardstick: [] as Run[] },
  }
  const share = Math.floor(events / rounds)
  for (let round = 1; round <= rounds; round += 1) {
    await rig.load(share)
    for (const hop of ['hub', 'stamp'] as const) {
      for (const turn of round % 2 === 1 ? TURNS : TURNS.toReversed()) {
        const run = await (turn === 'ours' ? rig.hop(hop, share) : rig.yard.copy(hop, share))
        hops[hop][turn].push(run)
        tell(`round ${round} of ${rounds}, ${hop}, ${turn}: ${inWords(run)}`)
      }
    }
    await rig.empty()
  }
  const half = Math.ceil(events / 2)
  const note = (turn: Turn, run: Run): void => {
    hops.endToEnd[turn].push(run)
    tell(`end to end, ${turn}: ${inWords(run)}`)
  }
  await rig.load(half)
  note('yardstick', await rig.yard.copyThrough(half))
  await rig.load(half)
  note('ours', await rig.through(2 * half))
  note('yardstick', await rig.yard.copyThrough(half))
  return {
    bench: 'forward',
    node: process.version,
    natsServer: found.version,
    events,
    rounds,
    window: inFlight,
    bodyBytes,
    hops: {
      hub: reportHop(hops.hub.ours, hops.hub.yardstick),
      stamp: reportHop(hops.stamp.ours, hops.stamp.yardstick),
      endToEnd: reportHop(hops.endToEnd.ours, hops.endToEnd.yardstick),
    },
  }
}

function inWords({ eventsPerSecond, eventsPerCpuSecond, rssMb }: Run): string {
  const rate = Math.round(eventsPerSecond)
  return `${rate} events/s, ${Math.round(eventsPerCpuSecond)} per CPU second, ${rssMb.join(' ')} MB`
}
