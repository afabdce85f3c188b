import type { ApiRule } from '../domain/api-rules.ts'
import { isRepeatable } from '../domain/api-rules.ts'
import type { KeptnServiceName } from '../domain/keptn-service.ts'
import type { AskHead, Frame } from '../domain/tunnel-frame.ts'
import { encodeFrame, frameBytes } from '../domain/tunnel-frame.ts'
import type { ApiLines } from '../links/api-lines.ts'
import type { Allowance } from './allowance.ts'
import type { AppliedCalls, CallOutcome } from './applied-calls.ts'
import { beginningOf } from './beginning.ts'
import { CHUNK_BYTES, InFlow, OutFlow } from './body-flow.ts'
import type { FlowBudget } from './flow-budget.ts'
import type { OwnRegistrations } from './own-registrations.ts'
import { patient } from './patient-source.ts'
import type { ServiceAnswer, ServiceCaller } from './service-caller.ts'
import { appliedOf, failHead, failure, fromFailHead } from './tunnel-failure.ts'
import type { StreamedBody } from './tunnel-request.ts'
import type { TunnelTimes } from './tunnel-times.ts'

export interface ExitCallOptions {
  readonly lines: ApiLines
  readonly rules: readonly ApiRule[]
  readonly services: ServiceCaller
  readonly own: OwnRegistrations
  readonly applied: AppliedCalls
  readonly allowance: Allowance
  readonly budget: FlowBudget
  readonly times: TunnelTimes
}

/** A call that passed all checks. */
export interface AdmittedCall {
  readonly stamp: string
  readonly ask: AskHead & { readonly service: KeptnServiceName }
  readonly body: Uint8Array
  /** Where the stamp hears us, and where we hear it. */
  readonly reply: string
  readonly to: string
}

/** One call on its way out of the tunnel: to the service, and its answer back. */
export class ExitCall {
  readonly #options: ExitCallOptions
  readonly #call: AdmittedCall
  readonly #stop = new AbortController()
  #upload: InFlow | undefined
  #isUploaded = false
  #download: OutFlow | undefined
  #heardAt = performance.now()
  #saidAt = performance.now()
  #waitsFrom = performance.now()
  #isAnswered = false

  constructor(options: ExitCallOptions, call: AdmittedCall) {
    this.#options = options
    this.#call = call
    this.#isUploaded = call.ask.upload !== 'stream'
  }

  /** Makes the call. Rejects with why it failed, after the stamp was told; where it has gone, it was not. */
  async run(): Promise<void> {
    const { allowance, budget } = this.#options
    const { stamp, ask, body } = this.#call
    const closers: (() => void)[] = []
    try {
      const held = ask.upload === 'stream' ? budget.window() * CHUNK_BYTES : body.length
      closers.push(allowance.enter(stamp, held))
      if (ask.upload === 'stream') closers.push(budget.open())
      await this.#checkOwn()
      if (isRepeatable(ask)) await this.#forward()
      else await this.#once()
    } catch (error) {
      const why = this.#stop.signal.aborted ? (this.#stop.signal.reason as Error) : error
      this.#say({ kind: 'fail', head: failHead(why) })
      throw why
    } finally {
      this.#stop.abort(failure('cancelled', 'The call is over.', 'maybe'))
      for (const close of closers) close()
    }
  }

  /** A call that is asked for again was checked, or is not made. */
  async #checkOwn(): Promise<void> {
    const { stamp, ask, body } = this.#call
    const { service, method, target, upload } = ask
    if (service !== 'shipyard-controller' || upload === 'sent') return
    const call = { method, target, body: upload === 'whole' ? body : undefined }
    await this.#options.own.check(stamp, call, this.#stop.signal)
  }

  hear(frame: Frame): void {
    this.#heardAt = performance.now()
    switch (frame.kind) {
      case 'data':
        this.#check(this.#upload?.part(frame.head.n, frame.body))
        return
      case 'end':
        this.#check(this.#upload?.end(frame.head.n))
        this.#isUploaded = true
        this.#waitsFrom = performance.now()
        return
      case 'credit':
        this.#download?.give(frame.head.n)
        return
      case 'cancel':
        this.abort(failure('cancelled', 'The client has gone.', 'maybe'))
        return
      case 'alive':
        return
      case 'ask':
      case 'take':
      case 'answer':
      case 'fail':
        this.abort(failure('bad-request', `A stamp does not say ${frame.kind} here.`, 'maybe'))
    }
  }

  /** Says that we are there, and gives the call up where the stamp or the service has been silent for long. */
  tick(now: number): void {
    const { silenceMs, aliveMs } = this.#options.times
    const { answerMs } = this.#call.ask
    if (now - this.#heardAt >= silenceMs)
      this.abort(failure('cancelled', 'The stamp has fallen silent.', 'maybe'))
    else if (!this.#isAnswered && this.#isUploaded && now - this.#waitsFrom >= answerMs)
      this.abort(failure('late', `The service did not answer within ${answerMs} ms.`, 'maybe'))
    else if (now - this.#saidAt >= aliveMs)
      this.#say({ kind: 'alive', head: { to: this.#call.to } })
  }

  abort(why: Error): void {
    this.#upload?.fail(why)
    this.#stop.abort(why)
  }

  #check(mistake: Error | undefined): void {
    if (mistake !== undefined) this.abort(mistake)
  }

  /** What may be done twice: done, whoever has done it before. */
  async #forward(): Promise<void> {
    if (this.#call.ask.upload === 'sent')
      throw failure(
        'answer-lost',
        'The answer was lost, and so was the body to ask again with.',
        'maybe',
      )
    await this.#answer(await this.#request(), () => Promise.resolve())
  }

  /** What changes something: done by the first who is asked, and its outcome told to all. */
  async #once(): Promise<void> {
    const { applied } = this.#options
    const { stamp, ask } = this.#call
    const key = `${stamp}.${ask.id}`
    const revision = ask.upload === 'sent' ? undefined : await applied.begin(key)
    if (revision === undefined) {
      this.#isUploaded = true
      await this.#tell(await applied.outcome(key, this.#stop.signal))
      return
    }
    let answer: ServiceAnswer
    try {
      answer = await this.#request()
    } catch (error) {
      const why = this.#stop.signal.aborted ? (this.#stop.signal.reason as Error) : error
      if (appliedOf(why) === 'no') await applied.withdraw(key)
      else await applied.settle(key, revision, { kind: 'failed', fail: failHead(why) })
      throw why
    }
    await this.#answer(answer, (outcome) => applied.settle(key, revision, outcome))
  }

  #request(): Promise<ServiceAnswer> {
    const { budget, times } = this.#options
    const { ask, body, to } = this.#call
    const { service, method, target, headers } = ask
    let sent: Uint8Array | StreamedBody = body
    if (ask.upload === 'stream') {
      const credit = budget.window()
      const upload = new InFlow(credit, budget.window, (n) => {
        this.#say({ kind: 'credit', head: { n } })
      })
      this.#upload = upload
      const late = () => failure('cancelled', 'The stamp sends no more of the body.', 'maybe')
      sent = {
        ...(ask.length === undefined ? {} : { length: ask.length }),
        read: () => patient(upload.read(), times.stallMs, late),
      }
      this.#say({ kind: 'take', head: { to, credit, chunkBytes: this.#chunkBytes } })
    }
    const call = { service, method, target, headers, body: sent, isRepeatable: isRepeatable(ask) }
    return this.#options.services.request(call, this.#stop.signal)
  }

  /** Passes an answer on; `settle` gets to know what it is. */
  async #answer(
    answer: ServiceAnswer,
    settle: (outcome: CallOutcome) => Promise<void>,
  ): Promise<void> {
    const { times } = this.#options
    const { ask, to } = this.#call
    const { status, headers } = answer
    const late = () => failure('service-broken', 'The service stopped in the middle.', 'yes')
    const source = patient(brokenOff(answer.body), times.stallMs, late)
    const chunkBytes = Math.min(this.#chunkBytes, ask.chunkBytes)
    // The fields travel with a whole body; a part has room for the little that it says itself.
    const fieldBytes = frameBytes({ status, headers, whole: true, to })
    const room = Math.min(chunkBytes, this.#options.lines.mostBytes - fieldBytes)
    const { first, rest } = await beginningOf(source, Math.max(0, room))
    this.#isAnswered = true
    const whole = rest === undefined
    const kept = whole ? { body: Buffer.from(first).toString('base64') } : {}
    const settled = settle({ kind: 'answered', status, headers, ...kept })
    // Heard below; it may fail before.
    settled.catch(() => undefined)
    if (whole) {
      this.#say({ kind: 'answer', head: { status, headers, whole, to }, body: first })
    } else {
      this.#download = new OutFlow((frame) => this.#say(frame), chunkBytes, ask.credit)
      this.#say({ kind: 'answer', head: { status, headers, whole, to }, body: new Uint8Array() })
      await this.#download.pass(rest, this.#stop.signal)
    }
    await settled
  }

  /** Tells what became of the same call when somebody else was asked for it. */
  #tell(outcome: CallOutcome): Promise<void> {
    if (outcome.kind === 'failed') throw fromFailHead(outcome.fail)
    const { status, headers, body } = outcome
    if (body === undefined)
      throw failure(
        'answer-lost',
        `It was applied with status ${status}; the answer was too large to keep.`,
        'yes',
      )
    const head = { status, headers, whole: true, to: this.#call.to }
    this.#say({ kind: 'answer', head, body: Buffer.from(body, 'base64') })
    return Promise.resolve()
  }

  get #chunkBytes(): number {
    return Math.min(CHUNK_BYTES, this.#options.lines.mostBytes)
  }

  #say(frame: Frame): void {
    this.#saidAt = performance.now()
    try {
      this.#options.lines.say(this.#call.reply, encodeFrame(frame))
    } catch (error) {
      this.abort(failure('cancelled', 'The gateway NATS was lost in the middle.', 'maybe', error))
    }
  }
}

/** What ends before its time is broken, whatever Node calls it. */
async function* brokenOff(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    throw failure('service-broken', 'The service broke its answer off.', 'yes', error)
  }
}
