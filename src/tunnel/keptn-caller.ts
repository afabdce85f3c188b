import type { HeaderFields } from '../domain/http-fields.ts'
import type { KeptnServiceName } from '../domain/keptn-service.ts'

/** A call to one of Keptn's services, small enough for one body in memory. */
export interface KeptnCall {
  readonly service: KeptnServiceName
  readonly method: string
  /** Path and query as on the wire, raw: what is escaped stays escaped. */
  readonly target: string
  readonly headers: HeaderFields
  readonly body?: Uint8Array
}

/** What the service answered, whatever the status. */
export interface KeptnAnswer {
  readonly status: number
  readonly headers: HeaderFields
  readonly body: Uint8Array
}

/** The way from a stamp to the services of its control plane (DESIGN 7.7). */
export interface KeptnCaller {
  /**
   * Asks a service, and asks again within the time of a call: one with an unsafe method is applied once all
   * the same. Any status is an answer. Rejects with `SIGNET_TUNNEL_NO_HUB`, `SIGNET_TUNNEL_TIMEOUT`,
   * `SIGNET_TUNNEL_BROKEN` (it may have been applied), `SIGNET_TUNNEL_REFUSED`, `SIGNET_TUNNEL_BUSY`,
   * `SIGNET_TOO_LARGE`, or `SIGNET_STOPPED` when `signal` is aborted or the agent drains.
   */
  call(call: KeptnCall, signal?: AbortSignal): Promise<KeptnAnswer>
}
