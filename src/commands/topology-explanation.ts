import { formatDuration } from '../config/duration.ts'
import type { Paint, Position } from '../config/mistake.ts'
import { formatPosition } from '../config/mistake.ts'
import type { TopologySources } from '../config/topology-parse.ts'
import type { KeptnEvent } from '../domain/event.ts'
import type { ExplainedTarget, ExplainedWave, Explanation } from '../domain/explain.ts'
import type { Crossed } from '../flow/residency.ts'
import type { ResidencyVerdict } from '../domain/residency.ts'
import type { ControlPlane, StageRule, TaskPolicy } from '../domain/topology.ts'

/** An explanation, with what it is about and where its rules were written. */
export interface Explained {
  readonly event: KeptnEvent
  readonly controlPlane: ControlPlane
  readonly explanation: Explanation
  readonly sources: TopologySources
  /** What the residencies make of this event, by `from to`: the geos. */
  readonly crossings: ReadonlyMap<string, Crossed>
}

/** The explanation for programs. Times are in milliseconds. */
export function explanationJson(explained: Explained) {
  const { event, controlPlane, explanation, sources, crossings } = explained
  const { kind, sentence, rule, task, policy, policyOf, inbound } = explanation
  const { id, type, source, context, project, stage, service } = event
  return {
    ok: true,
    event: { id, type, source, context, project, stage, service },
    controlPlane: controlPlane.name,
    kind,
    sentence,
    ...(rule === undefined
      ? {}
      : { rule: { index: rule.index, ...rule.rule, at: sources.stages[rule.index] } }),
    ...(policy === undefined
      ? {}
      : { task, policy, policyOf, policyAt: policyPosition(explanation, sources) }),
    ...(inbound === undefined ? {} : { inbound }),
    ...(explanation.waves === undefined ? {} : { waves: explanation.waves }),
    in: explanation.targets.map(({ stamp, ...target }) => ({
      stamp: stamp.name,
      geo: stamp.geo,
      ring: stamp.ring,
      link: stamp.link,
      ...target,
    })),
    residency: [...crossings].map(([way, crossed]) => {
      const [from, to] = way.split(' ')
      if (crossed.kind === 'refused') return { from, to, passes: false, why: crossed.why }
      const edited = crossed.redacted.length > 0
      return {
        from,
        to,
        passes: true,
        redacted: crossed.redacted,
        ...(edited
          ? { event: JSON.parse(Buffer.from(crossed.body).toString('utf8')) as unknown }
          : {}),
      }
    }),
    out: explanation.excluded.map(({ stamp, reason, sentence: why }) => ({
      stamp: stamp.name,
      geo: stamp.geo,
      ring: stamp.ring,
      reason,
      sentence: why,
    })),
  }
}

/** The explanation for people. */
export function formatExplanation(explained: Explained, paint: Paint): string {
  const { event, controlPlane, explanation, sources } = explained
  const { rule, policy, inbound, targets, excluded } = explanation
  const { home } = controlPlane
  const row = (label: string, text: string) => `${paint('faint', label.padEnd(11))}${text}`
  const about = [
    event.project && `project ${event.project}`,
    event.stage && `stage ${event.stage}`,
    event.service && `service ${event.service}`,
    event.context && `context ${event.context}`,
  ]
  const lines = [
    row('event', paint('strong', event.type)),
    row('', about.filter((part) => part !== '').join(' · ')),
    row('plane', `${controlPlane.name}, at home in ${home.geo}/${home.stamp}`),
  ]
  if (rule !== undefined)
    lines.push(
      row('rule', `${formatRule(rule.rule)}  ${at(sources.stages[rule.index], paint)}`.trimEnd()),
    )
  if (policy !== undefined) {
    const where = at(policyPosition(explanation, sources), paint)
    const from = explanation.policyOf === 'task' ? 'the task’s own' : 'the default'
    lines.push(row('policy', formatPolicy(policy)), row('', `${paint('faint', from)}  ${where}`))
  }
  lines.push('', paint('strong', explanation.sentence))
  if (targets.length > 0) lines.push('', ...formatTargets(targets, paint))
  if (inbound !== undefined && targets.length > 0)
    lines.push('', row('arrives', `${inbound}, republished as ${event.type}`))
  if (explanation.waves !== undefined)
    lines.push(
      '',
      ...formatWaves(explanation.waves).map((line, at) => row(at === 0 ? 'waves' : '', line)),
    )
  const residency = formatResidency(explained)
  if (residency.length > 0)
    lines.push('', ...residency.map((line, index) => row(index === 0 ? 'residency' : '', line)))
  if (targets.some(({ interest }) => interest.kind === 'assumed'))
    lines.push(
      '',
      paint(
        'faint',
        'assumed: the stamp says nothing of its own in the topology; its integrations decide',
      ),
    )
  if (excluded.length > 0) {
    const width = Math.max(...excluded.map(({ stamp }) => stamp.name.length))
    lines.push('', paint('doubtful', 'out'))
    for (const { stamp, sentence } of excluded)
      lines.push(`  ${stamp.name.padEnd(width)}  ${paint('faint', sentence)}`)
  }
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

function formatTargets(targets: readonly ExplainedTarget[], paint: Paint): readonly string[] {
  const rows = targets.map(({ stamp, interest, chosen, down }) => {
    const wants = interest.kind === 'assumed' ? 'assumed' : 'handles it'
    return { name: stamp.name, chosen, down, note: chosen ? wants : `${wants}, not chosen` }
  })
  const width = Math.max(...rows.map(({ name }) => name.length))
  const noteWidth = Math.max(...rows.map(({ note }) => note.length))
  return [
    paint('good', 'in'),
    ...rows.map(({ name, chosen, down, note }) => {
      const stamp = paint(chosen ? 'name' : 'faint', name.padEnd(width))
      return `  ${stamp}  ${note.padEnd(noteWidth)}  ${paint('faint', down)}`
    }),
  ]
}

/** One line for each geo of each wave, and one where a wave soaks. */
function formatWaves(waves: readonly ExplainedWave[]): readonly string[] {
  return waves.flatMap(({ ring, soakMs, groups }, index) => [
    ...groups.map((group) => `${index + 1}. ${ring} in ${group.geo}: ${formatGroup(group)}`),
    ...(soakMs === 0 ? [] : [`   then ${formatDuration(soakMs)} without a further answer`]),
  ])
}

function formatGroup({ stamps, concurrency, limits }: ExplainedWave['groups'][number]): string {
  const count = `${stamps} ${stamps === 1 ? 'stamp' : 'stamps'}`
  const parts = [
    concurrency >= stamps
      ? `${count}${stamps === 1 ? '' : ', all at once'}`
      : `${count}, ${concurrency} at once`,
  ]
  if (limits === undefined) return [...parts, 'as the task’s success says'].join(', ')
  const { maxFailures, minSuccess, deadlineMs } = limits
  parts.push(maxFailures === 0 ? 'none may fail' : `${maxFailures} may fail`)
  if (minSuccess !== undefined) parts.push(`${minSuccess} must pass`)
  if (deadlineMs !== undefined) parts.push(`within ${formatDuration(deadlineMs)}`)
  return parts.join(', ')
}

/** One line for each way between two geos: the event's, and that of the answers. */
function formatResidency({ controlPlane, explanation, crossings }: Explained): readonly string[] {
  const { home } = controlPlane
  const { targets } = explanation
  const lines = new Set<string>()
  for (const [way, crossed] of crossings) {
    const [from = '', to = ''] = way.split(' ')
    if (to === home.geo) lines.add(`${from} → ${to}  the event ${outcome(crossed)}`)
  }
  for (const { stamp, residency, answers } of targets) {
    if (residency.kind === 'inside') continue
    const crossed = crossings.get(`${home.geo} ${stamp.geo}`)
    const found = crossed?.kind === 'passes' ? crossed.redacted : []
    const here = found.length === 0 ? '' : `; here: ${found.join(', ')}`
    const says =
      // A geo that it came through has a say as well.
      crossed?.kind === 'refused' && residency.kind !== 'refused'
        ? outcome(crossed)
        : `${verdict(residency, home.geo)}${here}`
    lines.add(`${home.geo} → ${stamp.geo}  the event ${says}`)
    const back = answers.map((answer) => ({
      tail: answer.tail,
      says: verdict(answer.residency, stamp.geo),
    }))
    const isSame = back.every(({ says }) => says === back[0]?.says)
    for (const { tail, says } of isSame ? back.slice(0, 1) : back)
      lines.add(`${stamp.geo} → ${home.geo}  ${isSame ? 'its answers' : tail} ${says}`)
  }
  return [...lines]
}

function outcome(crossed: Crossed): string {
  if (crossed.kind === 'refused') return `may not leave: ${crossed.why}`
  if (crossed.redacted.length === 0) return 'may leave as it is'
  return `may leave; left out or hashed: ${crossed.redacted.join(', ')}`
}

function verdict(residency: ResidencyVerdict, from: string): string {
  if (residency.kind === 'refused') return `may not leave (${from}: leave deny)`
  if (residency.kind !== 'rule') return 'may leave'
  const edits = [
    ...residency.drop.map((path) => `without ${path}`),
    ...residency.hash.map((path) => `with ${path} hashed`),
  ]
  const how = edits.length === 0 ? '' : ` ${edits.join(', ')}`
  return `may leave${how} (${from}: residency.allow[${residency.index}])`
}

function formatRule({ stage, project, rings, geos }: StageRule): string {
  const of = project === undefined ? '' : ` of project ${project}`
  return `stage ${stage}${of} → rings ${rings.join(', ')} in ${geos === undefined ? 'every geo' : geos.join(', ')}`
}

function formatPolicy(policy: TaskPolicy): string {
  const { select, success, startTimeoutMs, finishTimeoutMs, offline, missing } = policy
  return [
    `select ${select}`,
    `success ${typeof success === 'string' ? success : `${success.percent}%`}`,
    `start within ${formatDuration(startTimeoutMs)}`,
    `finish within ${formatDuration(finishTimeoutMs)}`,
    `offline ${offline}`,
    `missing ${missing}`,
  ].join(' · ')
}

function policyPosition(
  { task, policyOf }: Explanation,
  { tasks }: TopologySources,
): Position | undefined {
  const key = policyOf === 'task' ? (task ?? '') : 'default'
  return Object.hasOwn(tasks, key) ? tasks[key] : undefined
}

function at(position: Position | undefined, paint: Paint): string {
  return position === undefined ? '' : paint('faint', formatPosition(position))
}
