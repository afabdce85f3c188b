import type { Topology } from '../domain/topology.ts'
import { deepFreeze } from './freeze.ts'
import type { Mistake, Position } from './mistake.ts'
import { formatPath, sortedMistakes } from './mistake.ts'
import { nearest, suggestion } from './nearest.ts'
import { checkRules } from './rules.ts'
import { inWords, schemaMistakes, show } from './schema-mistakes.ts'
import { buildTopology } from './topology-build.ts'
import type { KindDocument } from './topology-facts.ts'
import { readFacts } from './topology-facts.ts'
import type { Kind } from './topology-schema.ts'
import {
  API_VERSION,
  federationSchema,
  geoSchema,
  KINDS,
  ringSchema,
  schemaOf,
} from './topology-schema.ts'
import type { SourceDocument, SourceFile } from './yaml-source.ts'
import { readYaml } from './yaml-source.ts'

/** Where the parts of a topology that a person may ask about were written. */
export interface TopologySources {
  /** As `topology.stages`. */
  readonly stages: readonly Position[]
  /** By name of the task, `default` included where it is written down. */
  readonly tasks: Readonly<Record<string, Position>>
  /** By name of the stamp. */
  readonly stamps: Readonly<Record<string, Position>>
  /** By name of the geo. */
  readonly geos: Readonly<Record<string, Position>>
}

export type ParsedTopology =
  | {
      readonly ok: true
      readonly topology: Topology
      readonly sources: TopologySources
      readonly warnings: readonly Mistake[]
    }
  | {
      readonly ok: false
      readonly mistakes: readonly Mistake[]
      readonly warnings: readonly Mistake[]
    }

/**
 * Reads the files of a topology folder (DESIGN 5). Pure, and never throws: everything that is wrong in
 * any of them is reported at once, sorted by file and position. The topology is frozen.
 */
export function parseTopology(files: readonly SourceFile[]): ParsedTopology {
  const read = files.map((file) => readYaml(file))
  const mistakes = read.flatMap((file) => file.mistakes)
  const warnings = read.flatMap((file) => file.warnings)
  const found = read.flatMap((file) => file.documents)
  const hasLost = read.some((file) => file.documents.length === 0 && file.mistakes.length > 0)

  const documents: KindDocument[] = []
  for (const document of found) {
    const { kind, isExact, mistakes: about } = kindOf(document)
    documents.push({ kind, document })
    // A syntax error has been told; what it left behind is no fault of its own.
    if (!document.sound) continue
    mistakes.push(...about)
    if (kind !== undefined && isExact) mistakes.push(...schemaMistakes(schemaOf[kind], document))
  }
  const facts = readFacts(documents, hasLost)
  if (facts.federations.length === 0 && facts.isWhole) mistakes.push(NO_FEDERATION)
  for (const { level, at, message, hint } of checkRules(facts)) {
    if (!at.document.sound) continue
    const told = { ...at.document.at(at.path), path: formatPath(at.path), message }
    const list = level === 'mistake' ? mistakes : warnings
    list.push(hint === undefined ? told : { ...told, hint })
  }

  if (mistakes.length > 0)
    return { ok: false, mistakes: sortedMistakes(mistakes), warnings: sortedMistakes(warnings) }
  return { ok: true, ...built(documents), warnings: sortedMistakes(warnings) }
}

const NO_FEDERATION: Mistake = {
  file: '',
  line: 0,
  column: 0,
  path: '',
  message: 'no document of kind Federation',
  hint: 'one file must describe the federation: its name, control planes, rings and stages',
  excerpt: '',
}

/** The kind that a document says, or the nearest, so that a slip there does not hide what it names. */
function kindOf(document: SourceDocument): {
  kind: Kind | undefined
  isExact: boolean
  mistakes: readonly Mistake[]
} {
  const { value } = document
  const told = (key: string | undefined, message: string, hint?: string): Mistake => ({
    ...document.at(key === undefined ? [] : [key]),
    path: key ?? '',
    message,
    ...(hint === undefined ? {} : { hint }),
  })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const mistake = told(undefined, `expected keys with values, found ${show(value)}`)
    return { kind: undefined, isExact: false, mistakes: [mistake] }
  }
  const { kind, apiVersion } = value as { kind?: unknown; apiVersion?: unknown }
  const exact = KINDS.find((name) => name === kind)
  if (exact !== undefined) return { kind: exact, isExact: true, mistakes: [] }
  const near = typeof kind === 'string' ? nearest(kind, KINDS) : undefined
  const mistakes = [
    kind === undefined
      ? told('kind', `is missing: ${inWords(KINDS)}`)
      : told(
          'kind',
          `expected ${inWords(KINDS)}, found ${show(kind)}`,
          typeof kind === 'string' ? suggestion(kind, KINDS) : undefined,
        ),
  ]
  if (apiVersion !== API_VERSION)
    mistakes.push(
      apiVersion === undefined
        ? told('apiVersion', `is missing: ${API_VERSION}`)
        : told('apiVersion', `expected ${API_VERSION}, found ${show(apiVersion)}`),
    )
  return { kind: KINDS.find((name) => name === near), isExact: false, mistakes }
}

/** Nothing is wrong, so the schema accepts each document, and there is one federation. */
function built(documents: readonly KindDocument[]): {
  topology: Topology
  sources: TopologySources
} {
  const of = (wanted: Kind) =>
    documents.filter(({ kind }) => kind === wanted).map((it) => it.document)
  const federationDocument = of('Federation')[0] as SourceDocument
  const federation = federationSchema.parse(federationDocument.value)
  const geos = of('Geo').map((document) => ({ document, text: geoSchema.parse(document.value) }))
  const rings = of('Ring').map((document) => ({ document, text: ringSchema.parse(document.value) }))
  const topology = buildTopology(
    federation,
    geos.map(({ text }) => text),
    rings.map(({ text }) => text),
  )
  const sources: TopologySources = {
    stages: federation.stages.map((_, index) => position(federationDocument, ['stages', index])),
    tasks: Object.fromEntries(
      Object.keys(federation.tasks).map((task) => [
        task,
        position(federationDocument, ['tasks', task], 'key'),
      ]),
    ),
    stamps: Object.fromEntries(
      rings.flatMap(({ document, text }) =>
        text.stamps.map(({ name }, index) => [name, position(document, ['stamps', index])]),
      ),
    ),
    geos: Object.fromEntries(
      geos.map(({ document, text }) => [text.geo, position(document, ['geo'])]),
    ),
  }
  return { topology, sources: deepFreeze(sources) }
}

function position(
  document: SourceDocument,
  path: readonly (string | number)[],
  part?: 'key',
): Position {
  const { file, line, column } = document.at(path, part)
  return { file, line, column }
}
