import type { ApiRule } from '../domain/api-rules.ts'
import { parseApiRule } from '../domain/api-rules.ts'
import { isName, NAME_RULE } from '../domain/name.ts'
import { DURATION_RULE, parseDuration } from './duration.ts'
import { quote } from './mistake.ts'
import { suggestion } from './nearest.ts'

/** What a reader makes of the text of a setting: its value, or what would have been right. */
type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly expected: string; readonly hint?: string }

/** Reads the text of a setting. `kind` names the form for the documentation. */
export interface Reader<T> {
  readonly kind: string
  readonly read: (text: string) => Read<T>
}

function reader<T>(
  kind: string,
  expected: string,
  convert: (text: string) => T | undefined,
): Reader<T> {
  return {
    kind,
    read: (text) => {
      const value = convert(text)
      return value === undefined ? { ok: false, expected } : { ok: true, value }
    },
  }
}

export const text = reader('text', 'text', (value) => value)

/** A path of a file or folder; nothing is said about whether it exists. */
export const path = reader('path', 'a path', (value) => value)

/** A name of DESIGN 4. */
export const name = reader('name', `a name (${NAME_RULE})`, (value) =>
  isName(value) ? value : undefined,
)

/** Milliseconds. */
export const durationMs = reader('duration', DURATION_RULE, parseDuration)

/** A duration above zero, in milliseconds. */
export const positiveMs = reader('duration', `${DURATION_RULE}, above zero`, (value) => {
  const parsed = parseDuration(value)
  return parsed === 0 ? undefined : parsed
})

/** Keptn's own components write some times as a bare number of seconds. Milliseconds. */
export const secondsMs = reader('seconds', 'a whole number of seconds, 1 or more', (value) => {
  const seconds = wholeNumber(value)
  return seconds === undefined || seconds < 1 ? undefined : seconds * 1_000
})

/** 0 stands for any free port. */
export const port = reader('port', 'a port from 0 to 65535, 0 being any free one', (value) => {
  const number = wholeNumber(value)
  return number === undefined || number > 65_535 ? undefined : number
})

export const flag = reader('true or false', 'true or false', (value) => {
  // As Go's strconv.ParseBool, which reads the same variables in Keptn's components.
  if (/^(1|t|true)$/i.test(value)) return true
  return /^(0|f|false)$/i.test(value) ? false : undefined
})

/** Parts between commas, without the space around them; empty ones are left out. */
export const list = reader('comma-separated list', 'a comma-separated list', splitList)

export function count(least: number): Reader<number> {
  return reader('number', `a whole number, ${least} or more`, (value) => {
    const number = wholeNumber(value)
    return number === undefined || number < least ? undefined : number
  })
}

export function oneOf<const T extends string>(values: readonly T[]): Reader<T> {
  return {
    kind: values.join(', '),
    read: (value) => {
      const found = values.find((it) => it === value.toLowerCase())
      if (found !== undefined) return { ok: true, value: found }
      const hint = suggestion(value, values)
      const expected = `one of ${values.join(', ')}`
      return { ok: false, expected, ...(hint === undefined ? {} : { hint }) }
    },
  }
}

/** The base URL of an HTTP service, without a slash at its end. */
export const httpUrl = reader('URL', 'an http:// or https:// URL', readHttpUrl)

/** KiB in the text, bytes in the value; 0 or less: no limit, which is Infinity. */
export const kibibytes = reader('KiB', 'a whole number of KiB', (value) => {
  if (!/^-?\d{1,12}$/.test(value)) return undefined
  const number = Number.parseInt(value, 10)
  return number <= 0 ? Number.POSITIVE_INFINITY : number * 1_024
})

/** `name=URL,…` for some of the known names, and a default for the others. */
export function urlsByName<const T extends string>(
  names: readonly T[],
  defaultUrl: (name: T) => string,
): Reader<Readonly<Record<T, string>>> {
  return {
    kind: 'name=URL, comma-separated',
    read: (value) => {
      const urls = Object.fromEntries(names.map((it) => [it, defaultUrl(it)])) as Record<T, string>
      for (const part of splitList(value)) {
        const [key = '', url = ''] = part.split(/=(.*)/s)
        const known = names.find((it) => it === key.trim())
        if (known === undefined) {
          const hint = suggestion(key.trim(), names) ?? `known: ${names.join(', ')}`
          return { ok: false, expected: 'the names of Keptn services', hint }
        }
        const read = readHttpUrl(url.trim())
        if (read === undefined)
          return { ok: false, expected: `an http:// or https:// URL for ${quote(known)}` }
        urls[known] = read
      }
      return { ok: true, value: urls }
    },
  }
}

/** A URL whose user and password nobody could keep out of the log. */
export const plainHttpUrl = reader(
  'URL',
  'an http:// or https:// URL without user and password',
  (value) => {
    const url = readHttpUrl(value)
    if (url === undefined) return undefined
    const { username, password } = new URL(url)
    return username === '' && password === '' ? url : undefined
  },
)

/** Rules of the API tunnel. */
export const apiRules: Reader<readonly ApiRule[]> = {
  kind: 'rules, comma-separated',
  read: (value) => {
    const rules: ApiRule[] = []
    for (const part of splitList(value)) {
      const rule = parseApiRule(part)
      if (rule === undefined) {
        const hint = `${quote(part)} is none, such as GET resource-service/v1/project/*/resource/**`
        return { ok: false, expected: 'rules of the form <methods> <service>/<path>', hint }
      }
      rules.push(rule)
    }
    return { ok: true, value: rules }
  },
}

function splitList(value: string): readonly string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function wholeNumber(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number.parseInt(value, 10) : undefined
}

function readHttpUrl(value: string): string | undefined {
  return URL.canParse(value) && /^https?:\/\//i.test(value) ? value.replace(/\/+$/, '') : undefined
}
