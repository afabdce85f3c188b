import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'

/**
 * A connection as Keptn's components have it: the first connect must succeed, after that they
 * reconnect for ever (wire 2.3).
 */
export async function connectLikeKeptn(
  access: {
    readonly natsUrl: string
    readonly natsUser?: string | undefined
    readonly natsPassword?: string | undefined
  },
  name: string,
): Promise<NatsConnection> {
  const { natsUrl, natsUser, natsPassword } = access
  return await connect({
    servers: natsUrl,
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(natsUser !== undefined && { user: natsUser, pass: natsPassword ?? '' }),
  })
}

/** Lets go of a connection in good order, or at once where the server is gone. */
export async function leave(nc: NatsConnection): Promise<void> {
  try {
    await nc.drain()
  } catch {
    // Nothing is left to be flushed to a server that is away.
    await nc.close()
  }
}
