import type { FanOut } from '../domain/fanout.ts'
import type { Rollout } from '../domain/rollout.ts'
import { findRollouts, rollout, rolloutDetail } from '../domain/rollout.ts'
import { SignetError } from '../errors.ts'
import type { ControlHandler } from './control-handler.ts'
import { controlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'
import type { Controlled } from './fanouts.ts'

/** `rollout-ls`, `rollout-show`, `rollout-pause`, `rollout-resume`, `rollout-abort`. */
export function rolloutHandlers(parts: HubParts): readonly ControlHandler[] {
  return [
    controlHandler({
      verb: 'rollout-ls',
      changes: false,
      read: () => undefined,
      handle: () => Promise.resolve({ at: at(parts), rollouts: openRollouts(parts) }),
    }),
    controlHandler({
      verb: 'rollout-show',
      changes: false,
      read: (args) => args.text('id'),
      handle: (wanted) =>
        Promise.resolve({ at: at(parts), rollout: detailOf(parts, theOne(parts, wanted).id) }),
    }),
    steering(parts, 'pause'),
    steering(parts, 'resume'),
    steering(parts, 'abort'),
  ]
}

/** All that are open, in the order in which they were opened. */
export function openRollouts({ fanOuts, now }: HubParts): readonly Rollout[] {
  const moment = now()
  return fanOuts
    .heads()
    .toSorted((a, b) => a.openedAt - b.openedAt)
    .map(({ id }) => fanOuts.find(id))
    .flatMap((found) => (found === undefined ? [] : [rollout(found.head, found.records, moment)]))
}

/** What came of a wish to steer a fan-out. */
export interface Steered {
  readonly id: string
  readonly outcome: Exclude<Controlled, 'unknown'>
  /** How it stands now; absent where it has ended. */
  readonly rollout?: Rollout
}

function steering(parts: HubParts, how: 'pause' | 'resume' | 'abort'): ControlHandler {
  return controlHandler({
    verb: `rollout-${how}`,
    changes: true,
    read: (args) => args.text('id'),
    handle: async (wanted, { by }): Promise<Steered> => {
      const { fanOuts, now } = parts
      // What has ended is no longer listed, and its whole id is still known.
      const matching = findRollouts(fanOuts.heads(), wanted)
      const id = matching.length === 0 ? wanted : theOne(parts, wanted).id
      const outcome = await fanOuts[how](id, by)
      if (outcome === 'unknown') throw unclear(parts, wanted, [])
      const found = fanOuts.find(id)
      return {
        id,
        outcome,
        ...(found === undefined ? {} : { rollout: rollout(found.head, found.records, now()) }),
      }
    },
  })
}

/** The hub's clock, as ISO 8601. */
function at({ now }: HubParts): string {
  return new Date(now()).toISOString()
}

function detailOf({ fanOuts, registry, now }: HubParts, id: string) {
  const found = fanOuts.find(id)
  if (found === undefined) throw new SignetError('SIGNET_UNKNOWN_ID', `${id} has just ended.`)
  return rolloutDetail(found.head, found.records, now(), {
    isOnline: (stamp) => registry.isOnline(stamp),
    onlineSince: (stamp) => registry.onlineSince(stamp),
  })
}

function theOne(parts: HubParts, wanted: string): FanOut {
  const found = findRollouts(parts.fanOuts.heads(), wanted)
  const [only, ...others] = found
  if (only !== undefined && others.length === 0) return only
  throw unclear(parts, wanted, found)
}

/** So many are named. */
const NAMED = 10

function unclear(parts: HubParts, wanted: string, found: readonly FanOut[]): SignetError {
  const candidates = (found.length > 0 ? found : parts.fanOuts.heads()).map((head) => ({
    id: head.id,
    task: head.task,
    stage: head.stage,
    service: head.service,
    context: head.context,
  }))
  const named = candidates
    .slice(0, NAMED)
    .map(({ id, task, stage, service }) => `  ${id}  ${task} in ${stage} of ${service}`)
  const more = candidates.length > NAMED ? [`  and ${candidates.length - NAMED} more`] : []
  const what =
    found.length > 0
      ? `"${wanted}" fits ${found.length} open rollouts:`
      : `No open rollout has the id or context "${wanted}"${candidates.length > 0 ? '; open are:' : ', and none is open.'}`
  return new SignetError('SIGNET_UNKNOWN_ID', [what, ...named, ...more].join('\n'), {
    details: { candidates: candidates.slice(0, NAMED), count: candidates.length },
  })
}
