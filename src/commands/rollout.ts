import type { Rollout, RolloutDetail } from '../domain/rollout.ts'
import { rolloutList, rolloutView } from '../view/rollout-view.ts'
import type { HubCommand } from './ask-hub.ts'
import { withHub, writeLines } from './ask-hub.ts'
import { EXIT_OK, paintFor, writeJson } from './topology-output.ts'

const EXIT_FAILED = 1

/** `signet rollout ls` */
export async function runRolloutLs(command: HubCommand): Promise<number> {
  const answer = (await withHub(command, (hub) => hub.ask('rollout-ls'))) as {
    readonly at: string
    readonly rollouts: readonly Rollout[]
  }
  if (command.json) writeJson(command.stdout, answer)
  else writeLines(command, rolloutList(answer.rollouts, answer.at))
  return EXIT_OK
}

/** `signet rollout show ID` */
export async function runRolloutShow(command: HubCommand, id: string): Promise<number> {
  const answer = (await withHub(command, (hub) => hub.ask('rollout-show', { id }))) as {
    readonly at: string
    readonly rollout: RolloutDetail
  }
  if (command.json) writeJson(command.stdout, answer)
  else writeLines(command, rolloutView(answer.rollout, answer.at))
  return EXIT_OK
}

export type Steering = 'pause' | 'resume' | 'abort'

interface Steered {
  readonly id: string
  readonly outcome: 'done' | 'unchanged' | 'ended'
  readonly rollout?: Rollout
}

/**
 * `signet rollout pause|resume|abort ID`. Exit code 0 where it is now as wanted, also where it was so before;
 * 1 where what was wanted cannot be: a rollout that has ended, or goes in no waves, is not paused.
 */
export async function runRolloutSteering(
  command: HubCommand,
  steering: Steering,
  id: string,
): Promise<number> {
  const ask = withHub(command, (hub) => hub.ask(`rollout-${steering}`, { id }))
  const steered = (await ask) as Steered
  const { json, stdout, stderr, color } = command
  const isSo = isAsWanted(steering, steered)
  if (json) writeJson(stdout, steered)
  else if (isSo)
    stdout.write(`${paintFor(color)('good', 'ok')}  ${steered.id}: ${told(steering, steered)}\n`)
  else stderr.write(`signet: ${steered.id}: ${told(steering, steered)}\n`)
  return isSo ? EXIT_OK : EXIT_FAILED
}

function isAsWanted(steering: Steering, { outcome, rollout }: Steered): boolean {
  switch (outcome) {
    case 'done':
      return true
    case 'ended':
      return steering === 'abort'
    case 'unchanged':
      return steering !== 'pause' || rollout?.paused !== undefined
  }
}

function told(steering: Steering, { outcome, rollout }: Steered): string {
  const by = rollout?.paused?.by.join(' and ')
  switch (outcome) {
    case 'done':
      if (steering === 'pause') return 'paused; stamps that run go on, and no other begins'
      if (steering === 'abort')
        return 'aborted; nobody is waited for, and Keptn is told that it failed'
      return by === undefined ? 'goes on' : `no longer paused by hand; ${by} still holds it back`
    case 'ended':
      return 'it had ended already'
    case 'unchanged':
      if (steering === 'abort') return 'it was aborted already'
      if (steering === 'resume')
        return by === undefined ? 'nobody holds it back' : `it is paused by ${by}, not by hand`
      if (by !== undefined) return `it was paused already, by ${by}`
      return 'it cannot be paused: all its stamps have begun, or nothing more begins'
  }
}
