import type { Integration, Subscription } from './interest.ts'
import { subjectMatches } from './subject.ts'

/** What is asked of `GET /v1/event/triggered/{type}` (wire 5.1): one exact type, and values to narrow it. */
export interface OpenQuery {
  readonly type: string
  readonly project?: string
  readonly stage?: string
  readonly service?: string
}

const TRIGGERED = '.triggered'

/**
 * The questions that find every open event the integrations of a stamp may want: one for each type, however
 * many subscriptions name it. Only `.triggered` events can be asked for. A pattern, which the API takes
 * literally and never matches (wire 3.4), stands for those of the `known` types that it matches. An answer
 * is narrowed only by what all subscriptions of a type agree on; the rest is filtered here.
 */
export function openQueries(
  integrations: readonly Integration[],
  known: Iterable<string>,
): readonly OpenQuery[] {
  const byType = new Map<string, Subscription[]>()
  const types = [...known]
  for (const subscription of integrations.flatMap(({ subscriptions }) => subscriptions)) {
    const { event } = subscription
    const named = isPattern(event) ? types.filter((type) => subjectMatches(event, type)) : [event]
    for (const type of named) {
      if (!type.endsWith(TRIGGERED)) continue
      byType.set(type, [...(byType.get(type) ?? []), subscription])
    }
  }
  return [...byType].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, all]) => queryFor(type, all))
}

function queryFor(type: string, subscriptions: readonly Subscription[]): OpenQuery {
  const shared = (part: keyof Subscription['filter']): string | undefined => {
    const [first, ...others] = subscriptions.map(({ filter }) => filter[part])
    if (first?.length !== 1) return undefined
    return others.every((it) => it.length === 1 && it[0] === first[0]) ? first[0] : undefined
  }
  const [project, stage, service] = [shared('projects'), shared('stages'), shared('services')]
  return {
    type,
    ...(project === undefined ? {} : { project }),
    ...(stage === undefined ? {} : { stage }),
    ...(service === undefined ? {} : { service }),
  }
}

/** The projects that the integrations want events of; `all` where one of them names none. */
export function wantedProjects(integrations: readonly Integration[]): readonly string[] | 'all' {
  const filters = integrations.flatMap(({ subscriptions }) =>
    subscriptions.map(({ filter }) => filter.projects),
  )
  if (filters.some((projects) => projects.length === 0)) return 'all'
  return [...new Set(filters.flat())].sort()
}

/** Whether any subscription is a pattern, so that it matters which types there are. */
export function hasPatterns(integrations: readonly Integration[]): boolean {
  return integrations.some(({ subscriptions }) =>
    subscriptions.some(({ event }) => isPattern(event)),
  )
}

/** The types that a shipyard can trigger: of each task, and of each sequence in its stage. */
export function triggeredTypes(shipyard: unknown): readonly string[] {
  const types = new Set<string>()
  for (const stage of list(field(field(shipyard, 'spec'), 'stages'))) {
    const stageName = text(field(stage, 'name'))
    for (const sequence of list(field(stage, 'sequences'))) {
      const name = text(field(sequence, 'name'))
      if (stageName !== '' && name !== '')
        types.add(`sh.keptn.event.${stageName}.${name}${TRIGGERED}`)
      for (const task of list(field(sequence, 'tasks'))) {
        const taskName = text(field(task, 'name'))
        if (taskName !== '') types.add(`sh.keptn.event.${taskName}${TRIGGERED}`)
      }
    }
  }
  return [...types]
}

function isPattern(event: string): boolean {
  return event.split('.').some((token) => token === '*' || token === '>')
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Readonly<Record<string, unknown>>)[key]
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
