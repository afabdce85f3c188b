import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import { credentialTrouble } from './credential-files.ts'
import type { NatsAddress } from './nats-options.ts'
import { connectionOptions } from './nats-options.ts'

/** Why a try to connect has failed, for `/readyz` and people. Never the options: they hold credentials. */
export function connectFailure(error: unknown, { auth }: NatsAddress, now: number): string {
  const trouble = credentialTrouble(auth, now)
  if (trouble !== undefined) return trouble
  if (codes(error).includes('CERT_HAS_EXPIRED'))
    return 'the certificate of the server, or of who signed it, has expired'
  return error instanceof Error ? error.message : 'connecting failed'
}

/** The client translates errors of the socket, and keeps them as causes. */
function codes(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  const { code, cause } = error as NodeJS.ErrnoException
  return [...(code === undefined ? [] : [code]), ...codes(cause)]
}

/**
 * Tries to connect once, and says why it does not work; undefined where it does. A client that connects again by itself tells
 * nobody why it fails.
 */
export async function whyNotConnected(
  address: NatsAddress,
  name: string,
  inboxPrefix: string,
): Promise<string | undefined> {
  let connection: NatsConnection
  try {
    connection = await connect({
      ...connectionOptions(address, name, inboxPrefix),
      reconnect: false,
      maxReconnectAttempts: 0,
    })
  } catch (error) {
    return connectFailure(error, address, Date.now())
  }
  await connection.close()
  return undefined
}
