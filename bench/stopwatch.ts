import { setTimeout as sleep } from 'node:timers/promises'
import { SignetError } from '../src/errors.ts'
import type { Run } from './forward-report.ts'
import type { Place } from './forward-servers.ts'
import { lastSequence } from './forward-servers.ts'
import type { Measured, ProcessFigures } from './process-figures.ts'

/** A consumer that must have read and acknowledged everything at the end of a run. */
export interface Reader extends Place {
  readonly durable: string
}

interface RunPlan {
  readonly events: number
  /** Where the events arrive. */
  readonly target: Place
  /** The last sequence of the target before the run. */
  readonly after: number
  readonly readers: readonly Reader[]
  readonly processes: readonly Measured[]
}

const POLL_MS = 40
/** A look at a process costs it a millisecond or two. */
const FIGURES_MS = 400
/** So long without a new event, in milliseconds, and something is broken. */
const STALL_MS = 60_000

/**
 * Watches a run to its end. The clock runs from the server's time of the first event at the target, so
 * that starting a process does not count, until every reader has acknowledged its last.
 */
export async function watchRun(plan: RunPlan): Promise<Run> {
  const { events, target, after } = plan
  const before = await figures(plan)
  const peaks: [number, number, number] = [0, 0, 0]
  const note = (all: readonly ProcessFigures[], third: number): void => {
    const at = Math.min(2, third) as 0 | 1 | 2
    for (const { rssMb } of all) peaks[at] = Math.max(peaks[at], Math.round(rssMb))
  }
  let arrived = 0
  let changedAt = performance.now()
  let lookedAt = 0
  for (;;) {
    const now = performance.now()
    const count = (await lastSequence(target)) - after
    if (count !== arrived) changedAt = now
    arrived = count
    if (arrived >= events && (await allRead(plan))) break
    if (now - changedAt > STALL_MS) throw stalled(target.stream, arrived, events)
    if (now - lookedAt > FIGURES_MS) {
      lookedAt = now
      note(await figures(plan), Math.floor((arrived * 3) / events))
    }
    await sleep(POLL_MS)
  }
  const endedAt = Date.now()
  const ended = await figures(plan)
  note(ended, 2)
  return {
    eventsPerSecond: events / ((endedAt - (await storedAt(target, after + 1))) / 1_000),
    eventsPerCpuSecond: events / (cpuSeconds(ended) - cpuSeconds(before)),
    rssMb: peaks,
  }
}

async function allRead({ readers }: RunPlan): Promise<boolean> {
  const infos = readers.map(({ end, stream, durable }) =>
    end.manager.consumers.info(stream, durable),
  )
  const states = await Promise.all(infos)
  return states.every(
    ({ num_pending: pending, num_ack_pending: unacknowledged }) =>
      pending === 0 && unacknowledged === 0,
  )
}

async function storedAt({ end, stream }: Place, seq: number): Promise<number> {
  const message = await end.manager.streams.getMessage(stream, { seq })
  if (message === null) throw new SignetError('SIGNET_INTERNAL', 'The first event is gone.')
  return message.time.getTime()
}

function figures({ processes }: RunPlan): Promise<ProcessFigures[]> {
  return Promise.all(processes.map((measured) => measured()))
}

function cpuSeconds(all: readonly ProcessFigures[]): number {
  return all.reduce((sum, one) => sum + one.cpuSeconds, 0)
}

function stalled(stream: string, arrived: number, events: number): SignetError {
  return new SignetError(
    'SIGNET_INTERNAL',
    `${stream} has got ${arrived} of ${events} events, and none for ${STALL_MS} ms.`,
  )
}
