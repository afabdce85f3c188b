import type { ExecutionContext } from 'ava'
import type { Integration } from '../../src/demo/integration/integration.ts'
import type { Rig } from './federation.ts'

/** What Keptn saw of one delivery of one task, read back from its datastore. */
export interface Delivered {
  readonly context: string
  readonly outcome: string
  /** `data` of the hub's `.finished`. */
  readonly data: Aggregate
  /** The hub's `.started`, `.finished` and their copies. */
  readonly started: number
  readonly finished: number
}

interface Aggregate {
  readonly result: string
  readonly status: string
  readonly message: string
  readonly signet: Readonly<
    Record<
      string,
      {
        readonly counts: Readonly<Record<string, number>>
        readonly stamps: Readonly<
          Record<string, { readonly result: string; readonly message: string }>
        >
      }
    >
  >
  readonly [key: string]: unknown
}

/** Triggers the one sequence of the rig's Keptn. */
export function trigger(rig: Pick<Rig, 'keptn'>): Promise<{ context: string; id: string }> {
  return rig.keptn.triggerSequence({
    project: 'shop',
    stage: 'dev',
    sequence: 'delivery',
    service: `cart-${Math.random().toString(36).slice(2, 8)}`,
  })
}

/** Waits for the end of a delivery, and reads what Keptn got of its task. */
export async function delivered(
  rig: Pick<Rig, 'keptn'>,
  context: string,
  { task = 'deployment', timeoutMs = 60_000 }: { task?: string; timeoutMs?: number } = {},
): Promise<Delivered> {
  const ended = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs })
  const ofType = (kind: string) =>
    rig.keptn.events(context).filter(({ event }) => event.type === `sh.keptn.event.${task}.${kind}`)
  const finished = ofType('finished')
  return {
    context,
    outcome: ended.outcome?.result ?? '',
    data: finished[0]?.event.data as Aggregate,
    started: ofType('started').length,
    finished: finished.length,
  }
}

/** The promise of every fan-out: one `.started`, one `.finished`, nobody was asked twice. */
export function exactlyOnce(
  t: ExecutionContext,
  got: Delivered,
  integrations: ReadonlyMap<string, Integration>,
): void {
  t.is(got.started, 1, 'one .started')
  t.is(got.finished, 1, 'one .finished')
  for (const [stamp, integration] of integrations) {
    for (const [id, times] of integration.deliveries()) t.is(times, 1, `${id} came to ${stamp}`)
  }
}

/** Pseudo-random numbers in [0, 1), the same for a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
