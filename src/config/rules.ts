import { globMatches } from '../domain/topology.ts'
import { formatPath, formatPosition, quote } from './mistake.ts'
import { suggestion } from './nearest.ts'
import type { Facts, Value, Word } from './topology-facts.ts'

/** Something that no schema can say. Warnings are told, and do not stand in the way. */
export interface Finding {
  readonly level: 'mistake' | 'warning'
  readonly at: Value
  readonly message: string
  readonly hint?: string
}

/** Clashes, dangling names, and rules that can never come to bear (DESIGN 5). */
export function checkRules(facts: Facts): readonly Finding[] {
  return [
    ...checkNames(facts),
    ...checkReferences(facts),
    ...checkControlPlanes(facts),
    ...checkStages(facts),
    ...checkResidency(facts),
    ...checkStamps(facts),
  ]
}

function checkNames(facts: Facts): readonly Finding[] {
  const { federations, controlPlanes, rings, geos, ringFiles, stages } = facts
  const [first, ...others] = federations
  return [
    ...others.map((at) =>
      wrong(
        { ...at, path: ['kind'] },
        `a federation is described once, and ${placeOf(first as Value)} does so already`,
      ),
    ),
    ...twice(given(controlPlanes.map(({ name }) => name)), 'control plane'),
    ...twice(rings, 'ring'),
    ...twice(given(geos.map(({ geo }) => geo)), 'geo'),
    ...twice(
      ringFiles.flatMap(({ stamps }) => stamps),
      'stamp',
    ),
    ...twice(
      ringFiles.flatMap(({ geo, ring }) =>
        geo === undefined || ring === undefined
          ? []
          : [
              {
                ...ring,
                key: `${geo.value}/${ring.value}`,
                what: `ring ${ring.value} of ${geo.value}`,
              },
            ],
      ),
    ),
    ...stages.flatMap(({ rings: named }) => twice(named, 'ring')),
    ...stages.flatMap(({ geos: named = [] }) => twice(named, 'geo')),
  ]
}

/** All but the first of what has the same name. */
function twice(
  words: readonly (Word & { readonly key?: string; readonly what?: string })[],
  kind = '',
): readonly Finding[] {
  const first = new Map<string, Word>()
  return words.flatMap((word) => {
    const key = word.key ?? word.value
    const earlier = first.get(key)
    if (earlier === undefined) {
      first.set(key, word)
      return []
    }
    const what = word.what ?? `${kind} ${quote(word.value)}`
    return [wrong(word, `${what} stands already at ${placeOf(earlier)}`)]
  })
}

function checkReferences(facts: Facts): readonly Finding[] {
  const { controlPlanes, stages, geos, ringFiles, knowsGeos, knowsRings } = facts
  const geoNames = given(geos.map(({ geo }) => geo)).map(({ value }) => value)
  const ringNames = facts.rings.map(({ value }) => value)
  const geoUses = given([
    ...controlPlanes.map(({ homeGeo }) => homeGeo),
    ...stages.flatMap((rule) => rule.geos ?? []),
    ...geos.flatMap(({ rules }) => rules.map(({ to }) => to)),
    ...ringFiles.map(({ geo }) => geo),
  ])
  const ringUses = given([
    ...stages.flatMap(({ rings }) => rings),
    ...ringFiles.map(({ ring }) => ring),
  ])
  return [
    ...(knowsGeos ? geoUses : []).flatMap((use) =>
      dangling(use, 'geo', geoNames, 'a document of kind Geo must describe it'),
    ),
    ...(knowsRings ? ringUses : []).flatMap((use) =>
      dangling(use, 'ring', ringNames, 'the rings of the federation must name it'),
    ),
  ]
}

function dangling(use: Word, kind: string, known: readonly string[], way: string): Finding[] {
  if (known.includes(use.value)) return []
  const hint = suggestion(use.value, known) ?? way
  return [wrong(use, `there is no ${kind} ${quote(use.value)}`, hint)]
}

function checkControlPlanes({ controlPlanes, ringFiles }: Facts): readonly Finding[] {
  const findings: Finding[] = []
  for (const [index, plane] of controlPlanes.entries()) {
    const { homeGeo, homeStamp, projects } = plane
    const earlier = controlPlanes.slice(0, index)
    const neighbour = earlier.find((other) => other.homeStamp?.value === homeStamp?.value)
    if (homeStamp !== undefined && neighbour?.homeStamp !== undefined)
      findings.push(
        wrong(
          homeStamp,
          `stamp ${quote(homeStamp.value)} is home to a control plane already, at ${placeOf(neighbour.homeStamp)}`,
          'two control planes on one NATS account eat each other’s events; give each a stamp of its own',
        ),
      )
    for (const file of ringFiles) {
      const twin = file.stamps.find(({ value }) => value === homeStamp?.value)
      if (twin === undefined || homeGeo === undefined) continue
      if (file.geo !== undefined && file.geo.value !== homeGeo.value)
        findings.push(
          wrong(
            homeGeo,
            `the home stamp ${quote(twin.value)} stands in geo ${quote(file.geo.value)}, at ${placeOf(twin)}`,
          ),
        )
      findings.push(
        doubtful(
          twin,
          `stamp ${quote(twin.value)} is the home of a control plane, and so never a target`,
          'leave it out here; work for the home cluster runs in a stamp of its own',
        ),
      )
    }
    const before = earlier.flatMap((other) => other.projects)
    for (const glob of projects) {
      const cover = before.find(({ value }) => globMatches(value, glob.value))
      if (cover !== undefined)
        findings.push(
          wrong(
            glob,
            `projects ${quote(glob.value)} belong to an earlier control plane already, by ${quote(cover.value)} at ${placeOf(cover)}`,
            'the first control plane that names a project has it; put the narrower one first',
          ),
        )
    }
  }
  return findings
}

function checkStages({ stages, ringFiles, federations, isWhole }: Facts): readonly Finding[] {
  const findings: Finding[] = []
  const [federation] = federations
  if (federation !== undefined && stages.length === 0 && isWhole)
    findings.push(
      doubtful(
        { ...federation, path: ['stages'] },
        'no stage is mapped to rings, so every task stays in the control plane',
      ),
    )
  for (const [index, rule] of stages.entries()) {
    const { stage, project, rings, geos } = rule
    if (stage === undefined) continue
    // A glob covers another exactly when it matches it as a text: the other's * is a letter that
    // only a * can match.
    const cover = stages
      .slice(0, index)
      .find(
        (earlier) =>
          earlier.stage !== undefined &&
          globMatches(earlier.stage.value, stage.value) &&
          globMatches(earlier.project?.value ?? '*', project?.value ?? '*'),
      )
    if (cover !== undefined) {
      findings.push(
        wrong(
          rule.at,
          `this rule never counts: ${formatPath(cover.at.path)} matches all that it matches`,
          'the first match counts; put the narrower rule first',
        ),
      )
      continue
    }
    const isEmpty = !ringFiles.some(
      (file) =>
        file.isPeopled &&
        rings.some(({ value }) => value === file.ring?.value) &&
        (geos === undefined || geos.some(({ value }) => value === file.geo?.value)),
    )
    if (isEmpty && rings.length > 0 && isWhole)
      findings.push(doubtful(rule.at, 'no stamp stands in these rings and geos'))
  }
  return findings
}

function checkResidency({ geos }: Facts): readonly Finding[] {
  return geos.flatMap(({ geo, rules }) =>
    rules.flatMap(({ to, drop, hash }) => {
      const findings: Finding[] = []
      if (to !== undefined && to.value === geo?.value)
        findings.push(doubtful(to, `what goes from ${quote(to.value)} to itself does not leave it`))
      for (const field of hash) {
        if (drop.some(({ value }) => value === field.value))
          findings.push(
            wrong(field, `${quote(field.value)} is dropped already, and cannot be hashed too`),
          )
      }
      return findings
    }),
  )
}

function checkStamps({ federations, ringFiles, rings, isWhole }: Facts): readonly Finding[] {
  const [federation] = federations
  if (federation === undefined || !isWhole) return []
  if (!ringFiles.some(({ isPeopled }) => isPeopled))
    return [
      wrong(
        { ...federation, path: ['kind'] },
        'the federation has no stamp, and none may join',
        'describe stamps in a document of kind Ring',
      ),
    ]
  return rings
    .filter(({ value }) => !ringFiles.some(({ ring }) => ring?.value === value))
    .map((ring) => doubtful(ring, `no geo has a ring ${quote(ring.value)}`))
}

function given<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined)
}

function placeOf({ document, path }: Value): string {
  return formatPosition(document.at(path))
}

function wrong(at: Value, message: string, hint?: string): Finding {
  return { level: 'mistake', at, message, ...(hint === undefined ? {} : { hint }) }
}

function doubtful(at: Value, message: string, hint?: string): Finding {
  return { level: 'warning', at, message, ...(hint === undefined ? {} : { hint }) }
}
