import { ERROR_LOG } from '../domain/error-log.ts'
import { parseEvent } from '../domain/event.ts'
import { withTime } from '../domain/recipient-event.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { ErrorLogs } from './error-logs.ts'
import type { Forward } from './forward.ts'

/** What became of an event that the integration posted: the status of the answer, and why. */
export interface Forwarded {
  readonly status: number
  readonly message?: string
}

export interface OutgoingOptions {
  readonly forward: Forward
  readonly logs: ErrorLogs
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * Forwards what the integration posts to `/event` (wire 3.5), as it is. It is answered when Keptn's side has
 * it, and says so where it does not.
 */
export class Outgoing {
  readonly #options: OutgoingOptions

  constructor(options: OutgoingOptions) {
    this.#options = options
  }

  async take(posted: string): Promise<Forwarded> {
    const { forward, logs, log, metrics } = this.#options
    const text = withTime(posted, new Date().toISOString())
    const parsed = parseEvent(text)
    if (!parsed.ok) {
      metrics.events.inc({ direction: 'up', result: 'malformed' })
      return { status: 400, message: `${parsed.reason}: ${parsed.detail}` }
    }
    const { event } = parsed
    logs.note(text)
    // For the log of the integrations, and for nobody else.
    if (event.type === ERROR_LOG) return { status: 200 }
    try {
      await forward(event, Buffer.from(text))
      metrics.events.inc({ direction: 'up', result: 'stored' })
      return { status: 200 }
    } catch (error) {
      metrics.events.inc({ direction: 'up', result: 'failed' })
      log.warn({ error, id: event.id, type: event.type }, 'An event could not be forwarded.')
      return failed(error)
    }
  }
}

function failed(error: unknown): Forwarded {
  if (!(error instanceof SignetError)) return { status: 500, message: 'an error of Signet' }
  const { message, details } = error
  if (isSignetError(error, 'SIGNET_TOO_LARGE')) return { status: 413, message }
  const { status } = details
  // What the API says of the event is the integration's business, what it says of us is not.
  if (isSignetError(error, 'SIGNET_API_REFUSED') && typeof status === 'number')
    return { status, message }
  return { status: 502, message }
}
