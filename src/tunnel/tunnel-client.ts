import { randomUUID } from 'node:crypto'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { Place } from '../domain/subject.ts'
import { apiFlowSubject } from '../domain/subject.ts'
import { requestFields } from '../domain/http-fields.ts'
import { decodeFrame, encodeFrame, frameBytes } from '../domain/tunnel-frame.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Heard } from '../links/api-lines.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import { sleep } from '../runtime/clock.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { CHUNK_BYTES } from './body-flow.ts'
import type { EntryCallOptions } from './entry-call.ts'
import { EntryCall } from './entry-call.ts'
import { FlowBudget } from './flow-budget.ts'
import type { KeptnAnswer, KeptnCall, KeptnCaller } from './keptn-caller.ts'
import { appliedOf, failure, isWorthAnother, reasonOf } from './tunnel-failure.ts'
import type { TunnelAnswer, TunnelRequest } from './tunnel-request.ts'
import { collected, isWhole } from './tunnel-request.ts'

export interface TunnelClientOptions extends Omit<EntryCallOptions, 'budget' | 'place'> {
  /** Where the stamp stands now. */
  readonly place: () => Place
  /** Why a request may not leave the geo of the stamp (DESIGN 7.6); undefined where it may. */
  readonly refusal?: (request: TunnelRequest) => string | undefined
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
  /** The most calls under way at once. */
  readonly mostCalls: number
}

const AGAIN: BackoffRule = { firstMs: 50, mostMs: 500 }
/** One timer for all calls; a fraction of every clock it serves. */
const TICK_MS = 250

/** The way from a stamp to one control plane's services: asks, and asks again where that is safe. */
export class TunnelClient implements Part, KeptnCaller {
  readonly name: string
  readonly #options: TunnelClientOptions
  readonly #budget = new FlowBudget()
  readonly #calls = new Set<EntryCall>()
  readonly #idle: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined
  #isDraining = true
  #open = 0

  constructor(options: TunnelClientOptions) {
    this.#options = options
    this.name = `tunnel to ${options.scope.controlPlane}`
  }

  start(): Promise<void> {
    const { lines } = this.#options
    lines.openInbox((heard) => {
      this.#stray(heard)
    })
    lines.onDisconnect(() => {
      const lost = failure(
        'broken',
        'The gateway NATS was lost in the middle of the call.',
        'maybe',
      )
      for (const call of this.#calls) call.fail(lost)
    })
    this.#timer = setInterval(() => {
      const now = performance.now()
      for (const call of this.#calls) call.tick(now)
    }, TICK_MS)
    this.#timer.unref()
    this.#isDraining = false
    return Promise.resolve()
  }

  /** Takes no new calls, and waits for those that are under way. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#isDraining = true
    const giveUp = (): void => {
      for (const call of this.#calls) call.fail(stopped())
    }
    signal.addEventListener('abort', giveUp, { once: true })
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve))
    signal.removeEventListener('abort', giveUp)
    clearInterval(this.#timer)
    this.#options.lines.close()
  }

  async call(call: KeptnCall, signal?: AbortSignal): Promise<KeptnAnswer> {
    const never = new AbortController().signal
    const request = { ...call, body: call.body ?? new Uint8Array() }
    const answer = await this.open(request, signal ?? never)
    return { ...answer, body: await collected(answer.body) }
  }

  /**
   * Asks a service. Resolves when its answer begins; rejects as `KeptnCaller.call`, with `details.reason`.
   * A body that breaks later rejects whoever reads it.
   */
  async open(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer> {
    const { metrics, mostCalls, tracing = noTracing } = this.#options
    const began = performance.now()
    this.#open += 1
    let answer: TunnelAnswer
    try {
      if (this.#isDraining) throw failure('draining', 'The agent of this stamp drains.')
      const refusal = this.#options.refusal?.(request)
      if (refusal !== undefined) throw failure('residency', `Refused: ${refusal}.`)
      if (this.#open > mostCalls)
        throw failure('too-many', `The stamp has ${mostCalls} calls to Keptn's API under way.`)
      answer = await tracing.call('entry', request, () => this.#tries(request, signal))
    } catch (error) {
      metrics.tunnelRequests.inc({ direction: 'entry', result: 'failed', reason: reasonOf(error) })
      throw error
    } finally {
      this.#open -= 1
      this.#checkIdle()
    }
    metrics.tunnelRequests.inc({ direction: 'entry', result: 'answered', reason: '' })
    metrics.tunnelSeconds.observe({ direction: 'entry' }, (performance.now() - began) / 1_000)
    return answer
  }

  async #tries(given: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer> {
    const { times } = this.#options
    const request = this.#fitting({ ...given, headers: requestFields(given.headers) })
    const id = randomUUID()
    const began = performance.now()
    let patientUntil = began + times.patienceMs
    let isSecond = false
    let doubt: unknown
    for (let attempt = 1; ; attempt += 1) {
      const left = times.answerMs - (performance.now() - began)
      const tried = await this.#try(request, { id, isSecond, signal, answerMs: left })
      if (tried.answer !== undefined) return tried.answer
      const { error, call } = tried
      const reason = reasonOf(error)
      const now = performance.now()
      if (signal.aborted || now - began >= times.answerMs) throw error
      if (reason === 'no-hub' || isWorthAnother(error)) {
        // Whoever took it before may have done it, whatever is said now.
        if (now >= patientUntil) throw doubt ?? error
      } else if (reason === 'hub-gone' || reason === 'broken') {
        const isPartly = call.hasBegunUpload && !call.isSent
        // Bytes of the body that are gone cannot be sent again; an answer that began cannot begin again.
        if (isPartly) throw error
        if (appliedOf(error) !== 'no') doubt ??= error
        isSecond ||= !isWhole(request.body) && call.hasBegunUpload
        patientUntil = now + times.patienceMs
      } else throw error
      await sleep(backoffMs(AGAIN, attempt, Math.random()), signal)
    }
  }

  /** A body that does not fit into one message with all else that is said there is sent in parts. */
  #fitting(request: TunnelRequest): TunnelRequest {
    const { body } = request
    if (!isWhole(body)) return request
    const room = this.#options.lines.mostBytes - frameBytes(request.headers) - request.target.length
    if (body.length <= Math.min(CHUNK_BYTES, room)) return request
    return { ...request, body: { length: body.length, read: () => once(body) } }
  }

  async #try(
    request: TunnelRequest,
    how: {
      readonly id: string
      readonly isSecond: boolean
      readonly signal: AbortSignal
      readonly answerMs: number
    },
  ): Promise<{ answer?: TunnelAnswer; error?: unknown; call: EntryCall }> {
    const { id, isSecond, signal } = how
    const answerMs = Math.max(1, Math.floor(how.answerMs))
    const times = { ...this.#options.times, answerMs }
    const place = this.#options.place()
    const options = { ...this.#options, place, times, budget: this.#budget }
    const call: EntryCall = new EntryCall(options, request, id, () => {
      this.#calls.delete(call)
      this.#checkIdle()
    })
    const abort = (): void => {
      call.fail(failure('cancelled', 'The client has gone.', 'maybe', signal.reason))
    }
    try {
      signal.throwIfAborted()
      this.#calls.add(call)
      signal.addEventListener('abort', abort, { once: true })
      return { answer: await call.ask(isSecond), call }
    } catch (error) {
      this.#calls.delete(call)
      return { error: asFailure(error), call }
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  get #isIdle(): boolean {
    return this.#open === 0 && this.#calls.size === 0
  }

  #checkIdle(): void {
    if (this.#isIdle) for (const wake of this.#idle.splice(0)) wake()
  }

  /** A hub agent works for somebody who has gone. */
  #stray({ bytes }: Heard): void {
    const frame = decodeFrame(bytes)
    const isOver = frame?.kind === 'answer' && frame.head.whole
    if (frame === undefined || isOver || !('to' in frame.head) || frame.head.to === undefined)
      return
    const { lines, scope, place } = this.#options
    try {
      const cancel = encodeFrame({ kind: 'cancel', head: {} })
      lines.say(apiFlowSubject(scope, place(), frame.head.to), cancel)
    } catch {
      // Disconnected: it hears nothing from here for long, and gives up by itself.
    }
  }
}

function asFailure(error: unknown): unknown {
  if (isSignetError(error, 'SIGNET_LINK_LOST'))
    return failure('no-hub', 'The gateway NATS of this stamp is not connected.', 'no', error)
  return error
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(body)
}

function stopped(): SignetError {
  return new SignetError('SIGNET_STOPPED', 'The agent stops.')
}
