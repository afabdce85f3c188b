import type { ApiRule } from '../domain/api-rules.ts'
import { judgeCall } from '../domain/api-rules.ts'
import { decodings, splitTarget, targetMistake } from '../domain/request-target.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { KeptnAnswer, KeptnCall, KeptnCaller } from './keptn-caller.ts'
import type { Passage } from './passage.ts'
import { passageToApi } from './passage.ts'
import { failure, reasonOf } from './tunnel-failure.ts'
import type { TunnelAnswer, TunnelRequest } from './tunnel-request.ts'
import { collected } from './tunnel-request.ts'

export interface ApiWayOptions {
  readonly api: KeptnApi
  readonly stamp: string
  /** What the integrations of the stamp may ask. */
  readonly rules: readonly ApiRule[]
  /** Why a request may not leave the geo of the stamp (DESIGN 7.6); undefined where it may. */
  readonly refusal?: (request: TunnelRequest) => string | undefined
  readonly metrics: Metrics
}

/**
 * The way from a stamp to Keptn's services that is Keptn's public API, where no tunnel leads there (DESIGN
 * 7.9). What integrations ask is judged here, by the rules that the end of a tunnel has: the gateway of Keptn
 * sees only that the agent asks, whose token may do everything.
 */
export class ApiWay implements KeptnCaller {
  readonly #options: ApiWayOptions
  readonly #passage: Passage

  constructor(options: ApiWayOptions) {
    this.#options = options
    this.#passage = passageToApi(options.api)
  }

  /** Passes an integration's request on, with the agent's credentials. Rejects as a tunnel does. */
  async open(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer> {
    const { metrics } = this.#options
    const began = performance.now()
    try {
      this.#judge(request)
      const refusal = this.#options.refusal?.(request)
      if (refusal !== undefined) throw failure('residency', `Refused: ${refusal}.`)
      const answer = await this.#passage.open(request, signal)
      metrics.tunnelRequests.inc({ direction: 'entry', result: 'answered', reason: '' })
      return answer
    } catch (error) {
      metrics.tunnelRequests.inc({ direction: 'entry', result: 'failed', reason: reasonOf(error) })
      throw error
    } finally {
      metrics.tunnelSeconds.observe({ direction: 'entry' }, (performance.now() - began) / 1_000)
    }
  }

  /**
   * What the agent itself asks, once: a change may have been applied although it rejects. Rejects with
   * `SIGNET_TUNNEL_BROKEN`, `SIGNET_TUNNEL_TIMEOUT`, or with the reason of `signal`.
   */
  async call(call: KeptnCall, signal?: AbortSignal): Promise<KeptnAnswer> {
    const request = { ...call, body: call.body ?? new Uint8Array() }
    const { status, headers, body } = await this.#passage.open(
      request,
      signal ?? new AbortController().signal,
    )
    return { status, headers, body: await collected(body) }
  }

  #judge({ service, method, target }: TunnelRequest): void {
    const mistake = targetMistake(target)
    if (mistake !== undefined) throw failure('bad-request', `Refused: ${mistake}.`)
    const { rules, stamp } = this.#options
    const verdict = judgeCall(rules, stamp, { service, method, target })
    if (!verdict.ok) throw failure(verdict.reason, `Refused: ${verdict.message}.`)
    // The stamp answers these itself; escaped in another way they would reach those of other stamps.
    const isUniform = decodings(splitTarget(target).path).some((path) => UNIFORM.test(path))
    if (service === 'shipyard-controller' && isUniform)
      throw failure('denied', 'Refused: registrations are this stamp’s own.')
  }
}

const UNIFORM = /\/v1\/+uniform/
