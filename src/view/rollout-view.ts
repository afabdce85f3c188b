import type { Rollout, RolloutDetail, RolloutStamp } from '../domain/rollout.ts'
import type { Tally } from '../domain/standing.ts'
import { totalOf } from '../domain/standing.ts'
import type { Line, Piece } from './line.ts'
import { verdict } from './line.ts'
import { indented, table } from './table.ts'
import { age, between, dateAndTime, timeOfDay, took } from './time.ts'

/** The beginnings of ids that still tell all of them apart, at least eight characters. */
export function shortIds(ids: readonly string[]): ReadonlyMap<string, string> {
  let length = 8
  const longest = Math.max(0, ...ids.map((id) => id.length))
  while (length < longest && new Set(ids.map((id) => id.slice(0, length))).size < ids.length)
    length += 4
  return new Map(ids.map((id) => [id, id.slice(0, length)]))
}

/** One row for each open rollout. `now`: ISO 8601, of the hub. */
export function rolloutRows(
  rollouts: readonly Rollout[],
  now: string,
): readonly (readonly Line[])[] {
  const short = shortIds(rollouts.map(({ id }) => id))
  return rollouts.map((rollout) => {
    const { id, task, stage, project, service, openedAt } = rollout
    return [
      [['name', short.get(id) ?? id]],
      [['strong', task], ` in ${stage} of ${project}/${service}`],
      [age(between(openedAt, now))],
      whereOf(rollout),
      [tallyText(rollout.progress)],
      stateOf(rollout),
    ]
  })
}

/** `signet rollout ls` */
export function rolloutList(rollouts: readonly Rollout[], now: string): readonly Line[] {
  if (rollouts.length === 0) return [['No rollout is open.']]
  const head = ['ID', 'WHAT', 'AGE', 'WAVE', 'STAMPS', 'STATE'].map((text): Line => [
    ['faint', text],
  ])
  return table([head, ...rolloutRows(rollouts, now)])
}

/** `signet rollout show`: all that is known of one. */
export function rolloutView(rollout: RolloutDetail, now: string): readonly Line[] {
  const { task, stage, project, service, id, context, openedAt, policy, waveList, missing } =
    rollout
  const success = typeof policy.success === 'string' ? policy.success : `${policy.success.percent}%`
  const facts: (readonly [string, string])[] = [
    ['id', id],
    ['context', context],
    ['opened', `${dateAndTime(openedAt)}, ${age(between(openedAt, now))} ago`],
    [
      'policy',
      `success ${success}, start within ${took(policy.startTimeoutMs)}, finish within ` +
        `${took(policy.finishTimeoutMs)}, offline ${policy.offline}`,
    ],
  ]
  if (missing.length > 0) facts.push(['missing', `${missing.join(', ')}: nobody there wants it`])
  const waves = waveList.map(({ ring, tally, begunAt, soakUntil }): readonly Line[] => [
    [['name', ring]],
    [tallyText(tally)],
    [begunAt === undefined ? '' : `since ${timeOfDay(begunAt)}`],
    soakUntil === undefined ? [] : [['doubtful', `soaks until ${timeOfDay(soakUntil)}`]],
  ])
  const stamps = rollout.stamps.map((stamp) => stampRow(stamp, now))
  return [
    [['strong', task], ` in ${stage} of ${project}/${service}  `, ...stateOf(rollout)],
    ...table(facts.map(([name, text]): readonly Line[] => [[['faint', name]], [text]])).map(
      (line) => indented(line),
    ),
    ...(waves.length === 0
      ? []
      : [[], [['strong', 'waves']] satisfies Line, ...table(waves).map((line) => indented(line))]),
    [],
    [['strong', 'stamps']],
    ...table(stamps).map((line) => indented(line)),
  ]
}

function stampRow(stamp: RolloutStamp, now: string): readonly Line[] {
  const { geo, ring, startedAt, finishedAt, begunAt, message = '', waitsFor, until, online } = stamp
  const from = startedAt ?? begunAt
  const span =
    from === undefined ? '' : took(between(from, finishedAt ?? (isOver(stamp) ? from : now)))
  const waits: Piece[] =
    waitsFor === undefined
      ? [message]
      : [
          [
            'faint',
            `waits for ${waitsFor}${until === undefined ? '' : ` until ${timeOfDay(until)}`}`,
          ],
        ]
  return [
    [['name', stamp.stamp]],
    [['faint', `${geo}/${ring}`]],
    [phaseOf(stamp)],
    [from === undefined ? '' : timeOfDay(from)],
    [isOver(stamp) && startedAt === undefined ? '' : span],
    online ? [] : [['doubtful', 'offline']],
    waits,
  ]
}

function isOver({ waitsFor }: RolloutStamp): boolean {
  return waitsFor === undefined
}

function phaseOf({ phase, result = '', status = '' }: RolloutStamp): Piece {
  switch (phase) {
    case 'done':
    case 'failed':
      return verdict(status === 'succeeded' || result !== 'pass' ? result : status)
    case 'skipped':
    case 'not-begun':
      return ['doubtful', phase]
    case 'running':
      return ['strong', phase]
    case 'pending':
    case 'waiting':
      return phase
  }
}

/** `3/8 done, 1 failed, 2 running, 3 waiting` */
export function tallyText(tally: Readonly<Tally>): string {
  const { pending, waiting, running, passed, failed, skipped, notBegun } = tally
  const rest = [
    [failed, 'failed'],
    [skipped, 'skipped'],
    [notBegun, 'not begun'],
    [running, 'running'],
    [waiting, 'waiting'],
    [pending, 'pending'],
  ] as const
  const told = rest.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return [`${passed}/${totalOf(tally)} passed`, ...told].join(', ')
}

function whereOf({ ring, wave, waves }: Rollout): Line {
  return ring === undefined ? [] : [`${ring} ${wave ?? 0}/${waves ?? 0}`]
}

function stateOf({ state, paused, soakUntil, stopped }: Rollout): Line {
  switch (state) {
    case 'running':
      return [['good', state]]
    case 'ending':
      return [state]
    case 'paused':
      return [['doubtful', `paused by ${paused?.by.join(' and ') ?? 'somebody'}`]]
    case 'soaking':
      return [
        ['doubtful', `soaking${soakUntil === undefined ? '' : ` until ${timeOfDay(soakUntil)}`}`],
      ]
    case 'stopped':
      return [['wrong', stopped ?? state]]
  }
}
