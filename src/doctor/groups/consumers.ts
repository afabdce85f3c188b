import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { ConsumerFacts, ConsumerSetup } from '../store-facts.ts'

/** More than a busy minute leaves behind. */
const MANY = 1_000
const MANY_AGAIN = 20
const HOUR_MS = 3_600_000
/** The dead letter of what Keptn's API says that it will never take (docs/errors.md). */
const REFUSED_BY_API = 'refused-by-api'

/** How far the readers of the streams are, and what had to be set aside. */
export const consumersGroup: Group = {
  name: 'flow',
  title: 'Consumers and dead letters',
  checks: [
    check({
      code: 'DOC-621',
      severity: 'error',
      title: 'A durable consumer is not there.',
      why: 'Nobody reads for this stamp. A new one begins at the first event that the stream still holds.',
      mend: 'A stamp’s own is made by its agent, those of the hub store by the hub: does it run, and is this stamp in its topology? Then find out who deletes consumers.',
      reads: ['consumers', 'setup'],
      judge: ({ consumers }) =>
        consumers.filter(({ reader, state }) => reader === 'us' && state === undefined).map(named),
    }),
    check({
      code: 'DOC-622',
      severity: 'warning',
      title: 'A reader is far behind.',
      why: 'Events arrive late, and go when the retention is over before they are read.',
      mend: 'Is that stamp online, is its link slow, does an integration hold events up? `signet status` shows what waits.',
      reads: ['consumers'],
      judge: ({ consumers }) =>
        theirs(consumers)
          // What waits for other stamps, the hub tells (DOC-858).
          .filter(([{ reader }, { pending }]) => reader !== 'stamp' && pending > MANY)
          .map(([it, { pending }]) => `${named(it)}: ${pending} wait`),
    }),
    check({
      code: 'DOC-623',
      severity: 'error',
      title: 'A reader stands still.',
      why: 'Events wait for it, and between two looks it took none and finished none.',
      mend: 'Does an agent of the stamp lead (`/status`), and what does its log say? If it does, restart it: a reader that the server has forgotten is opened anew. Keptn’s own: look at shipyard-controller.',
      reads: ['consumers'],
      judge: ({ consumers }) =>
        theirs(consumers)
          .filter(([{ reader, hasMoved }]) => reader !== 'stamp' && hasMoved === false)
          .map(([it, { pending }]) => `${named(it)}: ${pending} wait`),
    }),
    check({
      code: 'DOC-624',
      severity: 'error',
      title: 'A reader has taken all that it may take at once.',
      why: 'The server hands it nothing more until it acknowledges: whoever reads hangs.',
      mend: 'Look at the log of the agent that leads; a restart hands back what it holds.',
      reads: ['consumers'],
      judge: ({ consumers }) =>
        theirs(consumers)
          .filter(([, { unacknowledged, maxAckPending }]) => unacknowledged >= maxAckPending)
          .map(([it, { unacknowledged }]) => `${named(it)}: ${unacknowledged} are out`),
    }),
    check({
      code: 'DOC-625',
      severity: 'warning',
      title: 'Many events are handed out again and again.',
      why: 'Whoever takes them does not get done with them: it crashes, or cannot store them further on.',
      mend: 'Look at the log of the agent that leads: does it restart, which store does it wait for?',
      reads: ['consumers'],
      judge: ({ consumers }) =>
        theirs(consumers)
          .filter(([{ reader }, { redelivered }]) => reader === 'us' && redelivered > MANY_AGAIN)
          .map(([it, { redelivered }]) => `${named(it)}: ${redelivered}`),
    }),
    check({
      code: 'DOC-626',
      severity: 'warning',
      title: 'A consumer is not as Signet makes it.',
      why: 'Somebody has changed it: it may read what is not for it, or too much at once.',
      mend: 'Restart the agent that leads, or the hub: it brings the consumer up to date.',
      reads: ['consumers'],
      judge: ({ consumers }) => theirs(consumers).flatMap(([it, state]) => differences(it, state)),
    }),
    check({
      code: 'DOC-627',
      severity: 'warning',
      title: 'Keptn does not read its own stream.',
      why: 'shipyard-controller has no consumer there: sequences neither start nor end.',
      mend: 'Does shipyard-controller run, and is this the NATS server that it uses?',
      reads: ['consumers'],
      judge: ({ consumers }) =>
        consumers
          .filter(({ reader, state }) => reader === 'keptn' && state === undefined)
          .map(named),
    }),
    check({
      code: 'DOC-628',
      severity: 'error',
      title: 'Somebody else reads as Signet does.',
      why: 'Two control planes, or two stamps, share one NATS account: each gets events that are not its own.',
      mend: 'Give each its own NATS server or account. Is it what a stamp was called before, remove its consumer (`nats consumer rm`).',
      reads: ['consumers'],
      judge: ({ consumers }) => consumers.filter(({ reader }) => reader === 'stranger').map(named),
    }),
    check({
      code: 'DOC-641',
      severity: 'warning',
      title: 'Events were set aside within the last hour.',
      why: 'They did not go on: a task may wait for them, or has failed.',
      mend: 'docs/errors.md#dead-letters says for each reason what to do.',
      reads: ['deadLetters', 'setup'],
      judge: ({ deadLetters, setup: { now } }) =>
        deadLetters
          .filter(({ lastAt }) => lastAt !== undefined && now - lastAt < HOUR_MS)
          .map(({ controlPlane, total, groups }) => {
            const each = groups.map(({ stamp, reason, count }) => `${count} ${reason} of ${stamp}`)
            return [`${controlPlane}: ${total} in all`, ...each].join(', ')
          }),
    }),
    check({
      code: 'DOC-642',
      severity: 'notice',
      title: 'There are dead letters.',
      why: 'Events were set aside at some time, and nobody has looked after them since.',
      mend: 'docs/errors.md#dead-letters says for each reason what to do; they go by themselves after SIGNET_RETENTION.',
      reads: ['deadLetters', 'setup'],
      judge: ({ deadLetters, setup: { now } }) =>
        deadLetters
          .filter(({ total, lastAt = 0 }) => total > 0 && now - lastAt >= HOUR_MS)
          .map(({ controlPlane, total }) => `${controlPlane}: ${total}`),
    }),
    check({
      code: 'DOC-643',
      severity: 'warning',
      title: 'Keptn’s API refuses what stamps send.',
      why: 'Mostly EVENT_VALIDATION_ENABLED is on at api-service: it refuses `.status.changed` and the `.triggered` of tasks, and everything above 64 KB (wire 5.2).',
      mend: 'Set the chart value apiService.eventValidation.enabled to false, as it is by default; else read `Signet-Detail` of the letter.',
      reads: ['deadLetters'],
      judge: ({ deadLetters }) =>
        deadLetters.flatMap(({ controlPlane, groups }) =>
          groups
            .filter(({ reason }) => reason === REFUSED_BY_API)
            .map(({ stamp, count }) => `${controlPlane}: ${count} of ${stamp}`),
        ),
    }),
  ],
}

function named({ store, stream, name }: ConsumerFacts): string {
  return `${store}: ${name} of ${stream}`
}

/** Those that are there. */
function theirs(
  consumers: readonly ConsumerFacts[],
): readonly (readonly [ConsumerFacts, ConsumerSetup])[] {
  return consumers.flatMap((it) => (it.state === undefined ? [] : [[it, it.state] as const]))
}

function differences(it: ConsumerFacts, state: ConsumerSetup): readonly string[] {
  const { planned } = it
  if (planned === undefined) return []
  const told = (what: string, is: unknown, should: unknown): readonly string[] =>
    is === should ? [] : [`${named(it)} has ${what} ${String(is)} instead of ${String(should)}`]
  return [
    ...told('filter', state.filter, planned.filter),
    ...told('ack wait (ms)', state.ackWaitMs, planned.ackWaitMs),
    ...told('max ack pending', state.maxAckPending, planned.maxAckPending),
  ]
}
