/**
 * Targets of HTTP requests as they stand on the wire. Nothing here makes a target anew: what a client
 * escaped once or twice must arrive so (wire 5.4, 7), and a URL parser would not leave it alone.
 */

const MOST_BYTES = 8_192
/** Escaped that often, a path is decoded by the last of nginx, gin and resource-service (wire 5.4). */
const MOST_DECODINGS = 3
const VISIBLE = /^[\u0021-\u007e]+$/
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)/

/** The path and the query (with its question mark) of a target. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const at = target.indexOf('?')
  return at === -1
    ? { path: target, query: '' }
    : { path: target.slice(0, at), query: target.slice(at) }
}

/**
 * What is wrong with a target, or undefined. Refused is what no client of Keptn sends and what two servers
 * may read in two ways: another form than a path, dot segments however they are escaped, backslashes,
 * control characters.
 */
export function targetMistake(target: string): string | undefined {
  if (!target.startsWith('/')) return 'a target that is no path'
  if (target.length > MOST_BYTES) return 'a target that is too long'
  if (!VISIBLE.test(target) || target.includes('#'))
    return 'a target with characters that must be escaped'
  const { path } = splitTarget(target)
  if (BAD_ESCAPE.test(path)) return 'a path with a broken escape'
  for (const decoded of decodings(path)) {
    if (CONTROL.test(decoded)) return 'a path with control characters'
    if (decoded.includes('\\')) return 'a path with a backslash'
    if (DOT_SEGMENT.test(decoded)) return 'a path with . or .. in it'
  }
  return undefined
}

/** A path as it is, and as it looks to whoever decodes it once, twice, three times. */
export function decodings(path: string): readonly string[] {
  const all = [path]
  for (let text = path; all.length <= MOST_DECODINGS; all.push(text)) {
    const next = decodeOnce(text)
    if (next === text) break
    text = next
  }
  return all
}

/** Byte by byte, and never failing: what is no escape stays as it is. */
function decodeOnce(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
