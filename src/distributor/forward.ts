import type { KeptnEvent } from '../domain/event.ts'
import { Arrivals } from '../https/arrivals.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import { sleep } from '../runtime/clock.ts'

/** The way to Keptn. Resolves when Keptn's side has the event, and else rejects. */
export type Forward = (event: KeptnEvent, body: Uint8Array) => Promise<void>

/** When to look for an event whose post ended unclear: the integration waits for its answer meanwhile. */
const LOOKS_MS = [250, 1_000, 3_000]

/** In Keptn's own cluster: on NATS, and the server has it. */
export function forwardToNats(messages: CoreMessages): Forward {
  return ({ type }, body) => messages.hand(type, body, {})
}

/**
 * Outside of it: posted once. Where that ends unclear, Keptn is asked for the event, since the API gives a
 * second one another id (wire 5.2); the integration is told of a failure only where it has not arrived.
 */
export function forwardToApi(api: KeptnApi): Forward {
  const arrivals = new Arrivals(api)
  const never = new AbortController().signal
  return async (event, body) => {
    const result = await api.call({ method: 'POST', path: '/v1/event', body }, never)
    if (result.ok) {
      arrivals.note(event)
      return
    }
    for (const wait of result.mayHaveArrived ? LOOKS_MS : []) {
      await sleep(wait)
      if ((await arrivals.look(event, never)) !== true) continue
      arrivals.note(event)
      return
    }
    throw result.error
  }
}
