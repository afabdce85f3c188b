import type {
  Geo,
  GeoRing,
  Rollout,
  Stamp,
  StageRule,
  SuccessRule,
  TaskPolicy,
  Topology,
} from '../domain/topology.ts'
import { parseDuration } from './duration.ts'
import { deepFreeze } from './freeze.ts'
import type {
  FederationText,
  GeoText,
  RingText,
  StageRuleText,
  TaskPolicyText,
} from './topology-schema.ts'
import { DEFAULT_TASK } from './topology-schema.ts'

/** Makes the frozen topology of documents that have passed the schema and the rules. */
export function buildTopology(
  federation: FederationText,
  geos: readonly GeoText[],
  ringFiles: readonly RingText[],
): Topology {
  const { default: ownDefault = {}, ...named } = federation.tasks
  const defaultTask = completed(ownDefault, DEFAULT_TASK)
  const geoRings = ringFiles.flatMap(geoRingOf)
  const topology: Topology = {
    federation: federation.name,
    controlPlanes: federation.controlPlanes.map(({ name, home, projects, store }) => ({
      name,
      home,
      projects,
      storeDomain: store.domain,
    })),
    rings: federation.rings,
    stages: federation.stages.map(stageRuleOf),
    tasks: {
      default: policyOf(defaultTask),
      named: Object.fromEntries(
        Object.entries(named).map(([task, own]) => [task, policyOf(completed(own, defaultTask))]),
      ),
    },
    geos: geos.map(geoOf).sort((a, b) => (a.name < b.name ? -1 : 1)),
    stamps: orderedStamps(federation.rings, ringFiles),
    ...(geoRings.length === 0 ? {} : { geoRings }),
  }
  return deepFreeze(topology)
}

/**
 * In release order: by ring, then geo, then as the file lists them. This is the order in which answers
 * are merged (DESIGN 7.3), so it must not depend on the names of files.
 */
function orderedStamps(rings: readonly string[], ringFiles: readonly RingText[]): Stamp[] {
  return ringFiles
    .toSorted((a, b) => rings.indexOf(a.ring) - rings.indexOf(b.ring) || (a.geo < b.geo ? -1 : 1))
    .flatMap(({ geo, ring, stamps, handles: ringHandles }) =>
      stamps.map(({ name, link, labels, handles = ringHandles }) => ({
        name,
        geo,
        ring,
        link,
        labels,
        handles,
      })),
    )
}

function stageRuleOf({ stage, project, rings, geos }: StageRuleText): StageRule {
  return {
    stage,
    ...(project === undefined ? {} : { project }),
    rings,
    ...(geos === undefined ? {} : { geos }),
  }
}

function geoOf({ geo, residency }: GeoText): Geo {
  return { name: geo, residency }
}

function geoRingOf({ geo, ring, join, rollout }: RingText): GeoRing[] {
  if (join === undefined && rollout === undefined) return []
  return [
    {
      geo,
      ring,
      ...(join === undefined ? {} : { join }),
      ...(rollout === undefined ? {} : { rollout: rolloutOf(rollout) }),
    },
  ]
}

function rolloutOf(text: NonNullable<RingText['rollout']>): Rollout {
  const { concurrency, soak, maxFailures, minSuccess, deadline } = text
  return {
    concurrency: shareOf(concurrency),
    soakMs: durationMs(soak),
    maxFailures,
    ...(minSuccess === undefined ? {} : { minSuccess: shareOf(minSuccess) }),
    ...(deadline === undefined ? {} : { deadlineMs: durationMs(deadline) }),
  }
}

function shareOf(text: number | string): Rollout['concurrency'] {
  if (typeof text === 'number') return { stamps: text }
  return { percent: text === 'all' ? 100 : percentOf(text) }
}

type WholePolicy = { [K in keyof TaskPolicyText]-?: NonNullable<TaskPolicyText[K]> }

/** What a task leaves unsaid, the default says. */
function completed(own: TaskPolicyText, fallback: WholePolicy): WholePolicy {
  return { ...fallback, ...own } as WholePolicy
}

function policyOf(text: WholePolicy): TaskPolicy {
  const { select, success, startTimeout, finishTimeout, offline, missing } = text
  return {
    select,
    success: successOf(success),
    startTimeoutMs: durationMs(startTimeout),
    finishTimeoutMs: durationMs(finishTimeout),
    offline,
    missing,
  }
}

function successOf(text: string): SuccessRule {
  return text === 'all' || text === 'any' ? text : { percent: percentOf(text) }
}

function percentOf(text: string): number {
  return Number.parseInt(text, 10)
}

function durationMs(text: string): number {
  // The schema has accepted it.
  return parseDuration(text) as number
}
