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
  readonly passwordFile?: string
  readonly token?: string
  readonly tokenFile?: string
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
  const { credsFile, nkeyFile, nkeySeed, user, password, passwordFile, token, tokenFile } = auth
  const ways: Authenticator[] = []
  if (credsFile !== undefined) ways.push(fromFile(credsFile, credsAuthenticator))
  if (nkeyFile !== undefined)
    ways.push(fromFile(nkeyFile, (file) => nkeyAuthenticator(new TextEncoder().encode(line(file)))))
  if (nkeySeed !== undefined) ways.push(nkeyAuthenticator(new TextEncoder().encode(nkeySeed)))
  if (user !== undefined && passwordFile !== undefined)
    ways.push(fromFile(passwordFile, (file) => usernamePasswordAuthenticator(user, line(file))))
  else if (user !== undefined) ways.push(usernamePasswordAuthenticator(user, password))
  if (token !== undefined) ways.push(tokenAuthenticator(token))
  if (tokenFile !== undefined)
    ways.push(fromFile(tokenFile, (file) => tokenAuthenticator(line(file))))
  return ways.length === 0 ? {} : { authenticator: ways }
}

/**
 * Reads a file at every connect. One that is away or half written in that moment must not throw: the client would
 * close, for good. It shows what it had last, and the server says what it thinks of that.
 */
function fromFile(path: string, make: (file: Buffer) => Authenticator): Authenticator {
  let last: Authenticator | undefined
  return (nonce) => {
    try {
      const fresh = make(readFileSync(path))
      const shown = fresh(nonce)
      last = fresh
      return shown
    } catch {
      // `credentialTrouble` tells what is wrong with it, should the server refuse.
      return last?.(nonce)
    }
  }
}

/** What a file of one line says, whether it ends with a newline or not. */
function line(file: Buffer): string {
  return file.toString().trim()
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
