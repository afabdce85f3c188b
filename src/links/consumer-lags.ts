import type { Store } from './store.ts'
import { translate } from './store.ts'

/** How far behind a consumer is. */
export interface ConsumerLag {
  /** Not yet handed out. */
  readonly pending: number
  /** Handed out and not yet acknowledged. */
  readonly unacknowledged: number
}

/** How far behind each consumer of a stream is, by its name: one request for a few hundred of them. */
export async function consumerLags(
  store: Store,
  stream: string,
): Promise<ReadonlyMap<string, ConsumerLag>> {
  const lags = new Map<string, ConsumerLag>()
  try {
    const api = await store.client.jetstreamManager(false)
    for await (const info of api.consumers.list(stream))
      lags.set(info.name, { pending: info.num_pending, unacknowledged: info.num_ack_pending })
    return lags
  } catch (error) {
    throw translate(error, `The consumers of ${stream} could not be listed`)
  }
}
