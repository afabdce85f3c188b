import { parse } from 'yaml'
import { triggeredTypes } from '../domain/poll-interest.ts'
import type { KeptnApi } from './keptn-api.ts'

/** The projects of a control plane, and the event types that their shipyards can trigger. */
export interface Projects {
  readonly names: readonly string[]
  readonly types: readonly string[]
}

/** A control plane has tens of projects; a list without an end must not keep a stamp reading. */
const MOST_PAGES = 20
const PAGE_SIZE = 100
const MOST_TYPES = 5_000

/** Undefined where the API does not tell; why is its `trouble`. */
export async function listProjects(
  api: KeptnApi,
  signal: AbortSignal,
): Promise<Projects | undefined> {
  const names: string[] = []
  const types = new Set<string>()
  let next = '0'
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const result = await api.call(
      {
        method: 'GET',
        path: '/controlPlane/v1/project',
        query: { pageSize: String(PAGE_SIZE), ...(next === '0' ? {} : { nextPageKey: next }) },
      },
      signal,
    )
    if (!result.ok) return undefined
    const { projects, nextPageKey } = fields(result.body.toString('utf8'))
    for (const project of Array.isArray(projects) ? (projects as unknown[]) : []) {
      const { projectName, shipyard } = asObject(project)
      if (typeof projectName === 'string' && projectName !== '') names.push(projectName)
      if (typeof shipyard !== 'string') continue
      for (const type of triggeredTypes(readYaml(shipyard)))
        if (types.size < MOST_TYPES) types.add(type)
    }
    next = typeof nextPageKey === 'string' && nextPageKey !== '' ? nextPageKey : '0'
    if (next === '0') break
  }
  return { names: [...new Set(names)].sort(), types: [...types] }
}

function fields(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text))
  } catch {
    // Not Keptn's API. That is said by the calls whose answers are needed.
    return {}
  }
}

function readYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 }) as unknown
  } catch {
    // A shipyard that cannot be read triggers nothing: Keptn itself refuses it.
    return undefined
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
