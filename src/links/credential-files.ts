import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { NatsAuth } from './nats-options.ts'

/**
 * What is wrong with the files that a side shows who it is with, in a sentence; undefined where nothing is. A server
 * refuses a client without a reason, and over TLS often without a word: the reason is here. `now` is in milliseconds since 1970.
 */
export function credentialTrouble(auth: NatsAuth, now: number): string | undefined {
  const checks = [
    check('credentials file', auth.credsFile, (file) => expiredCredentials(file.toString(), now)),
    check('nkey file', auth.nkeyFile, empty),
    check('password file', auth.passwordFile, empty),
    check('token file', auth.tokenFile, empty),
    check('CA file', auth.tlsCa, (file) => badCertificate(file, now)),
    check('client certificate', auth.tlsCert, (file) => badCertificate(file, now)),
    check('client key', auth.tlsKey, empty),
  ]
  return checks.find((trouble) => trouble !== undefined)
}

function check(
  what: string,
  path: string | undefined,
  problem: (file: Buffer) => string | undefined,
): string | undefined {
  if (path === undefined) return undefined
  try {
    const found = problem(readFileSync(path))
    return found === undefined ? undefined : `the ${what} ${path} ${found}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return `the ${what} ${path} cannot be read (${code ?? 'unknown'})`
  }
}

function empty(file: Buffer): string | undefined {
  return file.toString().trim() === '' ? 'is empty' : undefined
}

/** Of a chain or a bundle the first one counts. */
function badCertificate(file: Buffer, now: number): string | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(file)
  } catch {
    return 'holds no certificate'
  }
  if (Date.parse(certificate.validTo) < now) return `has expired (${iso(certificate.validTo)})`
  if (Date.parse(certificate.validFrom) > now)
    return `is valid only from ${iso(certificate.validFrom)}`
  return undefined
}

/** The JWT says in seconds until when it counts; without `exp` it counts for ever. */
function expiredCredentials(text: string, now: number): string | undefined {
  const [, jwt] = /-----BEGIN NATS USER JWT-----\s+(\S+)/.exec(text) ?? []
  if (jwt === undefined) return 'holds no user JWT'
  const exp = expiryOf(jwt)
  return exp !== undefined && exp * 1_000 <= now ? `has expired (${iso(exp * 1_000)})` : undefined
}

function expiryOf(jwt: string): number | undefined {
  try {
    const claims = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()
    const { exp } = JSON.parse(claims) as { exp?: unknown }
    return typeof exp === 'number' && exp > 0 ? exp : undefined
  } catch {
    // The server will say what it thinks of it.
    return undefined
  }
}

function iso(time: string | number): string {
  return new Date(time).toISOString()
}
