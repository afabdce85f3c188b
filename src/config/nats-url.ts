/** A NATS server's URL without credentials, and the credentials that it carried. */
export interface SplitNatsUrls {
  readonly urls: readonly string[]
  readonly credentials?: UrlCredentials
}

type UrlCredentials =
  { readonly user: string; readonly password: string } | { readonly token: string }

/**
 * Takes a comma-separated list of NATS URLs apart. The client ignores credentials in a URL (nats-notes
 * 7.1), and a URL is logged; so they are split off here, and never remain. Answers with what is wrong,
 * without quoting the URL, where one cannot be used.
 */
export function splitNatsUrls(
  text: string,
):
  | { readonly ok: true; readonly value: SplitNatsUrls }
  | { readonly ok: false; readonly problem: string } {
  const urls: string[] = []
  const found = new Map<string, UrlCredentials>()
  for (const part of text.split(',').map((it) => it.trim())) {
    if (part === '') continue
    const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(part) ? part : `nats://${part}`
    if (!URL.canParse(withScheme)) return problem('is no NATS URL, such as nats://host:4222')
    const url = new URL(withScheme)
    if (url.protocol !== 'nats:' && url.protocol !== 'tls:')
      return problem(`has the scheme ${url.protocol}//; use nats:// or tls://`)
    if (url.host === '') return problem('names no host')
    if (url.pathname.replace(/\/$/, '') !== '' || url.search !== '' || url.hash !== '')
      return problem('has a path; a NATS URL ends after host and port')
    urls.push(`${url.protocol}//${url.host}`)
    const credentials = credentialsOf(url)
    if (credentials === 'unreadable') return problem('carries credentials that are badly encoded')
    if (credentials !== undefined) found.set(JSON.stringify(credentials), credentials)
  }
  if (urls.length === 0) return problem('names no server')
  if (found.size > 1) return problem('carries different credentials for its servers; use one set')
  const [credentials] = found.values()
  return { ok: true, value: { urls, ...(credentials === undefined ? {} : { credentials }) } }
}

function credentialsOf(url: URL): UrlCredentials | 'unreadable' | undefined {
  if (url.username === '' && url.password === '') return undefined
  try {
    const user = decodeURIComponent(url.username)
    // As every NATS client reads it: one word before the @ is a token.
    if (url.password === '') return { token: user }
    return { user, password: decodeURIComponent(url.password) }
  } catch {
    // Not percent-encoding; its message would quote the credentials.
    return 'unreadable'
  }
}

function problem(text: string): { ok: false; problem: string } {
  return { ok: false, problem: text }
}
