import { readFileSync } from 'node:fs'
import type { Authenticator, NodeConnectionOptions } from '@nats-io/transport-node'
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'

/** How one side is reached. Files are read again at every connect, so that they can be rotated. */
export interface NatsAddress {
  readonly servers: readonly string[]
  readonly auth: NatsAuth
}

export interface NatsAuth {
  readonly credsFile?: string
  /** A file with an nkey seed. */
  readonly nkeyFile?: string
  readonly nkeySeed?: string
  readonly user?: string
  readonly password?: string
  readonly token?: string
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
}

/** The client options of nats-notes 8, in one place. */
export function connectionOptions(
  address: NatsAddress,
  name: string,
  inboxPrefix: string,
): NodeConnectionOptions {
  return {
    servers: [...address.servers],
    name,
    inboxPrefix,
    // A cluster that is down for a night must not end the agent (nats-notes 8).
    maxReconnectAttempts: -1,
    // Two equal refusals would close the connection for ever, also during a rotation (nats-notes 7.1).
    ignoreAuthErrorAbort: true,
    // An Error object for every request halves the rate (nats-notes 5.2).
    noAsyncTraces: true,
    reconnectTimeWait: 500,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: 5_000,
    ...tls(address.auth),
    ...authentication(address.auth),
  }
}

function authentication(auth: NatsAuth): { authenticator?: Authenticator[] } {
  const { credsFile, nkeyFile, nkeySeed, user, password, token } = auth
  const ways: Authenticator[] = []
  if (credsFile !== undefined)
    ways.push((nonce) => credsAuthenticator(readFileSync(credsFile))(nonce))
  if (nkeyFile !== undefined) ways.push((nonce) => nkeyAuthenticator(seed(nkeyFile))(nonce))
  if (nkeySeed !== undefined) ways.push(nkeyAuthenticator(new TextEncoder().encode(nkeySeed)))
  if (user !== undefined) ways.push(usernamePasswordAuthenticator(user, password))
  if (token !== undefined) ways.push(tokenAuthenticator(token))
  return ways.length === 0 ? {} : { authenticator: ways }
}

function seed(file: string): Uint8Array {
  return new TextEncoder().encode(readFileSync(file, 'utf8').trim())
}

function tls({ tlsCa, tlsCert, tlsKey }: NatsAuth): Pick<NodeConnectionOptions, 'tls'> {
  if (tlsCa === undefined && tlsCert === undefined) return {}
  return {
    tls: {
      ...(tlsCa === undefined ? {} : { caFile: tlsCa }),
      ...(tlsCert === undefined ? {} : { certFile: tlsCert }),
      ...(tlsKey === undefined ? {} : { keyFile: tlsKey }),
    },
  }
}
