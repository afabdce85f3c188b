import { JetStreamApiError } from '@nats-io/jetstream'

/** How many servers keep a copy; `most`: three where the store is a cluster, else one. */
export type Replicas = number | 'most'

/** The most copies that a store may keep. */
const MOST_REPLICAS = 3
const NOT_CLUSTERED = 10_074

/**
 * Makes something with the wanted replicas; `most` is one on a server that is no cluster. A cluster that has no three
 * servers, or no leader, may have them in a moment, and what it made now would keep one replica for ever: that is a failure.
 */
export async function withReplicas<T>(
  replicas: Replicas,
  make: (replicas: number) => Promise<T>,
): Promise<T> {
  if (replicas !== 'most') return make(replicas)
  try {
    return await make(MOST_REPLICAS)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NOT_CLUSTERED) throw error
    return make(1)
  }
}
