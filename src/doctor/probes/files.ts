import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { NatsAuth } from '../../config/settings-nats.ts'
import { gatewayTable, keptnTable } from '../../config/settings-schema.ts'
import { apiTable } from '../../config/settings-keptn.ts'
import type { Settings } from '../../config/settings.ts'
import { isJsonObject, parseJsonObject } from '../../domain/json.ts'
import type { CertificateFacts, FileFacts } from '../facts.ts'

type Kind = 'creds' | 'nkey' | 'line' | 'ca' | 'certificate' | 'key'

interface NamedFile {
  readonly setting: string
  readonly path: string
  readonly kind: Kind
  /** The others of its side, which it must fit. */
  readonly auth: NatsAuth
}

type Read = Omit<FileFacts, 'setting' | 'path' | 'isSecret' | 'mode'>

const SECRETS: ReadonlySet<Kind> = new Set(['creds', 'nkey', 'line', 'key'])
const PERMISSION_BITS = 0o777
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g
const JWT = /-----BEGIN NATS USER JWT-----\s*([\w-]+\.[\w-]+\.[\w-]+)\s*-+END NATS USER JWT-+/
const SEED_BLOCK = /-----BEGIN USER NKEY SEED-----\s*(SU[A-Z2-7]{56})\s*-+END USER NKEY SEED-+/
const SEED = /^SU[A-Z2-7]{56}$/

/** Looks at every file that the settings name. What is in them stays in here. */
export function readFiles(settings: Settings): Promise<readonly FileFacts[]> {
  return Promise.all(namedFiles(settings).map(readNamed))
}

function namedFiles({ gateway, keptn, api }: Settings): readonly NamedFile[] {
  const sides = [
    { table: gatewayTable, auth: gateway.auth },
    { table: keptnTable, auth: keptn.auth },
  ].flatMap(({ table, auth }) =>
    (
      [
        [table.credsFile, auth.credsFile, 'creds'],
        [table.nkey, auth.nkeyFile, 'nkey'],
        [table.passwordFile, auth.passwordFile, 'line'],
        [table.tokenFile, auth.tokenFile, 'line'],
        [table.tlsCa, auth.tlsCa, 'ca'],
        [table.tlsCert, auth.tlsCert, 'certificate'],
        [table.tlsKey, auth.tlsKey, 'key'],
      ] as const
    ).flatMap(([{ variables }, path, kind]) =>
      path === undefined ? [] : [{ setting: variables[0], path, kind, auth }],
    ),
  )
  const ofApi = api.tlsCa === undefined ? [] : [{ path: api.tlsCa, kind: 'ca' as const, auth: {} }]
  return [...sides, ...ofApi.map((it) => ({ ...it, setting: apiTable.tlsCa.variables[0] }))]
}

async function readNamed({ setting, path, kind, auth }: NamedFile): Promise<FileFacts> {
  const base = { setting, path, isSecret: SECRETS.has(kind) }
  try {
    const { mode } = await stat(path)
    const text = await readFile(path, 'utf8')
    return { ...base, mode: mode & PERMISSION_BITS, ...(await understand(kind, text, auth)) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT'
        ? 'it does not exist'
        : code === 'EACCES'
          ? 'its permissions do not allow it'
          : code === 'EISDIR'
            ? 'it is a folder'
            : message
    return { ...base, unreadable: why, certificates: [] }
  }
}

async function understand(kind: Kind, text: string, auth: NatsAuth): Promise<Read> {
  switch (kind) {
    case 'creds':
      return credentials(text)
    case 'nkey': {
      const isSeed = SEED.test(text.trim())
      return { certificates: [], ...(isSeed ? {} : { problem: 'is no seed of a user’s nkey' }) }
    }
    case 'line':
      return { certificates: [], ...(text.trim() === '' ? { problem: 'is empty' } : {}) }
    case 'ca':
      return parsedCertificates(text).facts
    case 'certificate':
      return clientCertificate(text, auth)
    case 'key':
      return clientKey(text, auth)
  }
}

function credentials(text: string): Read {
  const [, jwt = ''] = JWT.exec(text) ?? []
  if (jwt === '' || !SEED_BLOCK.test(text))
    return { certificates: [], problem: 'is no credentials file: it has no user JWT with its seed' }
  const claims = parseJsonObject(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'))
  if (!isJsonObject(claims)) return { certificates: [], problem: 'has a JWT that cannot be read' }
  const { exp } = claims
  // In seconds; 0 or nothing means never.
  const isLimited = typeof exp === 'number' && exp > 0
  return { certificates: [], ...(isLimited ? { expiresAt: exp * 1_000 } : {}) }
}

async function clientCertificate(text: string, { tlsCa }: NatsAuth): Promise<Read> {
  const { facts, certificates } = parsedCertificates(text)
  const [own] = certificates
  const authorities = parsedCertificates((await optional(tlsCa)) ?? '').certificates
  if (own === undefined || authorities.length === 0) return facts
  const chain = [...certificates.slice(1), ...authorities]
  const isSignedByCa = chain.some((ca) => own.checkIssued(ca) && own.verify(ca.publicKey))
  return { ...facts, isSignedByCa }
}

async function clientKey(text: string, { tlsCert }: NatsAuth): Promise<Read> {
  try {
    const key = createPrivateKey(text)
    const [own] = parsedCertificates((await optional(tlsCert)) ?? '').certificates
    const isForeign = own !== undefined && !own.checkPrivateKey(key)
    return { certificates: [], ...(isForeign ? { isForeign } : {}) }
  } catch {
    // Never the error's own words: they may quote what is in the file.
    return { certificates: [], problem: 'is no private key without a passphrase' }
  }
}

function parsedCertificates(text: string): {
  readonly facts: Read
  readonly certificates: readonly X509Certificate[]
} {
  try {
    const certificates = (text.match(PEM) ?? []).map((pem) => new X509Certificate(pem))
    if (certificates.length > 0)
      return { certificates, facts: { certificates: certificates.map(certificateFacts) } }
  } catch {
    // Told below, without what is in it.
  }
  return { certificates: [], facts: { certificates: [], problem: 'holds no certificate (PEM)' } }
}

function certificateFacts({ subject, validFrom, validTo }: X509Certificate): CertificateFacts {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ')
  return { name, notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) }
}

async function optional(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : readFile(path, 'utf8').catch(() => undefined)
}
