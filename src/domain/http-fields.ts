/** Header fields in their order; a name may come more than once. */
export type HeaderFields = readonly (readonly [name: string, value: string])[]

/** What concerns one connection only (RFC 9110, 7.6.1), and never travels on. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** What the next hop makes anew: it would contradict, or lead a request somewhere else. */
const MADE_ANEW: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])
/** A stamp's own ways to be let in. They mean nothing to the control plane, and are nobody else's business. */
const CREDENTIALS: ReadonlySet<string> = new Set(['x-token', 'authorization', 'cookie'])
/** Marks an answer from the cache; nobody but the stamp's own agent says it. */
export const CACHE_FIELD = 'x-signet-cache'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/
// Visible characters, blanks, tabs, and what HTTP calls obs-text.
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
/** As much as Node takes in by itself, and twice that for the names that a proxy adds. */
const MOST_FIELDS = 200
const MOST_FIELD_BYTES = 32_768

/** Node's flat list of header fields, in pairs. */
export function pairs(raw: readonly string[]): HeaderFields {
  const fields: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2)
    fields.push([raw[at] as string, raw[at + 1] as string])
  return fields
}

/** Of a client's request what may leave the stamp. */
export function requestFields(fields: HeaderFields): HeaderFields {
  const dropped = namedByConnection(fields)
  return fields.filter(([name]) => {
    const key = name.toLowerCase()
    return !dropped.has(key) && !HOP_BY_HOP.has(key) && !MADE_ANEW.has(key) && !CREDENTIALS.has(key)
  })
}

/** Of a service's answer what may go back to the client; its length stays, for an answer to HEAD has no other. */
export function answerFields(fields: HeaderFields): HeaderFields {
  const dropped = namedByConnection(fields)
  return fields.filter(([name]) => {
    const key = name.toLowerCase()
    return !dropped.has(key) && !HOP_BY_HOP.has(key) && key !== 'x-token' && key !== CACHE_FIELD
  })
}

/**
 * What is wrong with fields that came through the tunnel, or undefined. An entry has left out what
 * `requestFields` does, so that one of those here was put there by somebody to mislead a server.
 */
export function misleadingField(fields: HeaderFields): string | undefined {
  let bytes = 0
  for (const [name, value] of fields) {
    if (!NAME.test(name)) return 'a header name that is none'
    if (!VALUE.test(value)) return `a header ${name} with control characters`
    const key = name.toLowerCase()
    if (HOP_BY_HOP.has(key) || MADE_ANEW.has(key)) return `a header ${key}`
    bytes += name.length + value.length + 4
  }
  if (fields.length > MOST_FIELDS || bytes > MOST_FIELD_BYTES) return 'too many headers'
  return undefined
}

/** The same without a stamp's credentials, which an entry leaves out and somebody else may not have. */
export function withoutCredentials(fields: HeaderFields): HeaderFields {
  return fields.filter(([name]) => !CREDENTIALS.has(name.toLowerCase()))
}

function namedByConnection(fields: HeaderFields): ReadonlySet<string> {
  const named = new Set<string>()
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== 'connection') continue
    for (const token of value.split(',')) named.add(token.trim().toLowerCase())
  }
  return named
}
