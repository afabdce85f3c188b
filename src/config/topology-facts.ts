import type { Path } from './mistake.ts'
import type { Kind } from './topology-schema.ts'
import type { SourceDocument } from './yaml-source.ts'

/**
 * What topology documents name, read leniently: what has the wrong shape is left out, for the schema
 * reports that. So a misspelt duration hides no dangling name, and all mistakes come to light at once.
 */
export interface Facts {
  readonly federations: readonly Value[]
  readonly controlPlanes: readonly ControlPlaneFacts[]
  /** The rings of the federation, in order. */
  readonly rings: readonly Word[]
  readonly stages: readonly StageFacts[]
  readonly geos: readonly GeoFacts[]
  readonly ringFiles: readonly RingFacts[]
  /** Whether all geos, and all rings, could be read; otherwise a name that is not there may yet exist. */
  readonly knowsGeos: boolean
  readonly knowsRings: boolean
  /** Whether nothing at all was lost to mistakes of syntax. */
  readonly isWhole: boolean
}

/** A value and where it stands. */
export interface Value {
  readonly value: unknown
  readonly document: SourceDocument
  readonly path: Path
}

/** A text and where it stands. */
export interface Word extends Value {
  readonly value: string
}

interface ControlPlaneFacts {
  readonly at: Value
  readonly name: Word | undefined
  readonly homeGeo: Word | undefined
  readonly homeStamp: Word | undefined
  readonly projects: readonly Word[]
}

interface StageFacts {
  readonly at: Value
  readonly stage: Word | undefined
  readonly project: Word | undefined
  readonly rings: readonly Word[]
  readonly geos: readonly Word[] | undefined
}

interface GeoFacts {
  readonly geo: Word | undefined
  readonly rules: readonly {
    readonly to: Word | undefined
    readonly drop: readonly Word[]
    readonly hash: readonly Word[]
  }[]
}

interface RingFacts {
  readonly at: Value
  readonly geo: Word | undefined
  readonly ring: Word | undefined
  readonly stamps: readonly Word[]
  /** Whether it has stamps, or lets them join. */
  readonly isPeopled: boolean
}

/** A document and its kind: the one it says, or the nearest to what it says. */
export interface KindDocument {
  readonly kind: Kind | undefined
  readonly document: SourceDocument
}

/** `hasLost`: some file could not be read at all. */
export function readFacts(documents: readonly KindDocument[], hasLost: boolean): Facts {
  const roots = (wanted: Kind): Value[] =>
    documents
      .filter(({ kind }) => kind === wanted)
      .map(({ document }) => ({ value: document.value, document, path: [] }))
  const federations = roots('Federation')
  const geos = roots('Geo').map(geoFacts)
  // A document of some other kind is no loss, unless a mistake of syntax has taken its kind away.
  const isSorted =
    !hasLost && documents.every(({ kind, document }) => kind !== undefined || document.sound)
  return {
    federations,
    controlPlanes: federations.flatMap((root) =>
      items(child(root, 'controlPlanes')).map(planeFacts),
    ),
    rings: federations.flatMap((root) => words(child(root, 'rings'))),
    stages: federations.flatMap((root) => items(child(root, 'stages')).map(stageFacts)),
    geos,
    ringFiles: roots('Ring').map(ringFacts),
    knowsGeos: isSorted && geos.every(({ geo }) => geo !== undefined),
    knowsRings:
      isSorted && federations.length > 0 && federations.every(({ document }) => document.sound),
    isWhole: isSorted && documents.every(({ document }) => document.sound),
  }
}

function planeFacts(at: Value): ControlPlaneFacts {
  const projects = child(at, 'projects')
  return {
    at,
    name: word(child(at, 'name')),
    homeGeo: word(child(child(at, 'home'), 'geo')),
    homeStamp: word(child(child(at, 'home'), 'stamp')),
    projects: projects.value === undefined ? [{ ...at, value: '*' }] : words(projects),
  }
}

function stageFacts(at: Value): StageFacts {
  const geos = child(at, 'geos')
  return {
    at,
    stage: word(child(at, 'stage')),
    project: word(child(at, 'project')),
    rings: words(child(at, 'rings')),
    geos: geos.value === undefined ? undefined : words(geos),
  }
}

function geoFacts(root: Value): GeoFacts {
  return {
    geo: word(child(root, 'geo')),
    rules: items(child(child(root, 'residency'), 'allow')).map((rule) => ({
      to: word(child(rule, 'to')),
      drop: words(child(rule, 'drop')),
      hash: words(child(rule, 'hash')),
    })),
  }
}

function ringFacts(root: Value): RingFacts {
  return {
    at: root,
    geo: word(child(root, 'geo')),
    ring: word(child(root, 'ring')),
    stamps: items(child(root, 'stamps')).flatMap((stamp) => word(child(stamp, 'name')) ?? []),
    isPeopled: items(child(root, 'stamps')).length > 0 || child(root, 'join').value !== undefined,
  }
}

function child({ value, document, path }: Value, key: string): Value {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
  const inner =
    isMap && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  return { value: inner, document, path: [...path, key] }
}

function items({ value, document, path }: Value): readonly Value[] {
  if (!Array.isArray(value)) return []
  return value.map((item: unknown, index) => ({ value: item, document, path: [...path, index] }))
}

function words(list: Value): readonly Word[] {
  return items(list).flatMap((item) => word(item) ?? [])
}

function word(at: Value): Word | undefined {
  return typeof at.value === 'string' && at.value !== '' ? { ...at, value: at.value } : undefined
}
