import { z } from 'zod'
import type { Mistake, Path } from './mistake.ts'
import { formatPath, quote } from './mistake.ts'
import { suggestion } from './nearest.ts'
import type { SourceDocument } from './yaml-source.ts'

type Issue = z.core.$ZodIssue

/** What a schema finds wrong in a document, in sentences and with positions. */
export function schemaMistakes(schema: z.ZodType, document: SourceDocument): readonly Mistake[] {
  const { success, error } = schema.safeParse(document.value)
  if (success) return []
  return error.issues.flatMap((issue) => mistakesOf(issue, schema, document))
}

function mistakesOf(issue: Issue, schema: z.ZodType, document: SourceDocument): readonly Mistake[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path)
    return issue.keys.map((key) =>
      mistakeAt(
        document,
        [...path, key],
        'key',
        'unknown key',
        suggestion(key, known) ?? mayBe(known),
      ),
    )
  }
  const value = valueAt(document.value, path)
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another key'
    const key = String(path.at(-1))
    return [mistakeAt(document, path, 'key', `expected ${expected}, found ${quote(key)}`)]
  }
  if (value === undefined) return [mistakeAt(document, path, 'key', 'is missing')]
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    const hint = typeof value === 'string' ? suggestion(value, values) : undefined
    const message = `expected ${inWords(values)}, found ${show(value)}`
    return [mistakeAt(document, path, 'value', message, hint)]
  }
  const message = `expected ${expectation(issue)}, found ${show(value)}`
  return [mistakeAt(document, path, 'value', message)]
}

function expectation(issue: Issue): string {
  // Where the schema says nothing of its own, zod's words are about objects and records.
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input'))
    return issue.message
  if (issue.expected === 'object' || issue.expected === 'record') return 'keys with values'
  return issue.expected === 'array' ? 'a list' : `a ${issue.expected}`
}

function mistakeAt(
  document: SourceDocument,
  path: Path,
  part: 'value' | 'key',
  message: string,
  hint?: string,
): Mistake {
  const found = { ...document.at(path, part), path: formatPath(path), message }
  return hint === undefined ? found : { ...found, hint }
}

/** `a, b or c` */
export function inWords(values: readonly string[]): string {
  return values.length < 2
    ? values.join('')
    : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
}

/** A value as it may be quoted in a message. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'string') return value === '' ? 'empty text' : quote(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'keys with values'
  if (typeof value === 'boolean') return `the truth value ${value}`
  return typeof value === 'number' || typeof value === 'bigint'
    ? `the number ${value}`
    : typeof value
}

function mayBe(keys: readonly string[]): string | undefined {
  return keys.length === 0 ? undefined : `known here: ${keys.join(', ')}`
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, step)
        ? (at as Record<string | number, unknown>)[step]
        : undefined,
    value,
  )
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  let at: unknown = schema
  for (const step of path) {
    at = unwrapped(at)
    if (at instanceof z.ZodObject) at = at.shape[step]
    else if (at instanceof z.ZodArray) at = at.element
    else if (at instanceof z.ZodRecord) at = at.valueType
    else return []
  }
  at = unwrapped(at)
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
    ? unwrapped(schema.unwrap())
    : schema
}
