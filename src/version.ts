import { readFileSync } from 'node:fs'

/** The version in package.json, which lies two folders above this file once it is built. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed = JSON.parse(text) as { readonly version?: string }
  return parsed.version ?? '0.0.0'
}
