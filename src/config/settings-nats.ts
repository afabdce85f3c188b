import { splitNatsUrls } from './nats-url.ts'
import type { Values } from './setting.ts'
import type { gatewayTable } from './settings-schema.ts'
import type { SettingsSource } from './settings-source.ts'

/** One NATS side: where its servers are, and how to be let in. */
export interface NatsSide {
  /** Without credentials. */
  readonly urls: readonly string[]
  readonly auth: NatsAuth
}

/** At most one of creds, nkey, user with password, and token; TLS besides. Files are paths. */
export interface NatsAuth {
  readonly credsFile?: string
  readonly nkeyFile?: string
  readonly nkeySeed?: string
  readonly user?: string
  readonly password?: string
  readonly passwordFile?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

/** The seed of a user's nkey: `SU` and 56 letters of base 32. */
const NKEY_SEED = /^SU[A-Z2-7]{56}$/

/** Reads one side, and refuses what does not go together. */
export function readNatsSide(source: SettingsSource, table: typeof gatewayTable): NatsSide {
  const { url, nkey, ...own } = source.values(table)
  const auth: NatsAuth = {
    ...defined(own),
    ...(nkey === undefined ? {} : NKEY_SEED.test(nkey) ? { nkeySeed: nkey } : { nkeyFile: nkey }),
  }
  const variable = (key: keyof typeof table) => table[key].variables[0]
  const password =
    auth.passwordFile === undefined
      ? { name: variable('password'), value: auth.password }
      : { name: variable('passwordFile'), value: auth.passwordFile }
  const methods = [
    ...(auth.credsFile === undefined ? [] : [variable('credsFile')]),
    ...(nkey === undefined ? [] : [variable('nkey')]),
    ...(auth.user === undefined && password.value === undefined ? [] : [variable('user')]),
    ...(auth.token === undefined ? [] : [variable('token')]),
    ...(auth.tokenFile === undefined ? [] : [variable('tokenFile')]),
  ]
  if (methods.length > 1)
    source.refuse(methods.join(' and '), 'exclude each other', 'choose one way to be let in')
  if (auth.password !== undefined && auth.passwordFile !== undefined)
    source.refuse(
      `${variable('password')} and ${variable('passwordFile')}`,
      'exclude each other',
      'choose one way to be let in',
    )
  refuseHalf(source, [variable('user'), auth.user], [password.name, password.value])
  refuseHalf(source, [variable('tlsCert'), auth.tlsCert], [variable('tlsKey'), auth.tlsKey])

  const split = splitNatsUrls(url)
  if (!split.ok) {
    source.refuse(source.originOf(table.url), split.problem)
    return { urls: [], auth }
  }
  const { urls, credentials } = split.value
  // What is set by itself is meant for this stamp; a URL may be everybody's.
  return { urls, auth: methods.length > 0 ? auth : { ...auth, ...credentials } }
}

type Half = readonly [variable: string, value: string | undefined]

function refuseHalf(source: SettingsSource, one: Half, other: Half): void {
  for (const [[variable, value], [missing, wanted]] of [
    [one, other],
    [other, one],
  ] as const) {
    if (value !== undefined && wanted === undefined)
      source.refuse(variable, `is set, and ${missing} is not`)
  }
}

function defined(
  values: Omit<Values<typeof gatewayTable>, 'url' | 'nkey'>,
): Omit<NatsAuth, 'nkeyFile' | 'nkeySeed'> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
