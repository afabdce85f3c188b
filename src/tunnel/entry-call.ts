import type { AskHead, Frame } from '../domain/tunnel-frame.ts'
import { decodeFrame, encodeFrame } from '../domain/tunnel-frame.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { apiFlowSubject, apiSubject } from '../domain/subject.ts'
import type { ApiLines, Heard } from '../links/api-lines.ts'
import { CHUNK_BYTES, InFlow, OutFlow } from './body-flow.ts'
import type { FlowBudget } from './flow-budget.ts'
import { failure, fromFailHead } from './tunnel-failure.ts'
import type { StreamedBody, TunnelAnswer, TunnelRequest } from './tunnel-request.ts'
import { isWhole } from './tunnel-request.ts'
import type { TunnelTimes } from './tunnel-times.ts'
import { GRACE_MS } from './tunnel-times.ts'

export interface EntryCallOptions {
  readonly lines: ApiLines
  readonly scope: Scope
  readonly place: Place
  readonly budget: FlowBudget
  readonly times: TunnelTimes
}

/**
 * One try of a call, as the stamp sees it: it asks, sends a streamed body on to whom took it, and hears the
 * answer. It fails when the hub agent falls silent, whatever it waits for.
 */
export class EntryCall {
  readonly #options: EntryCallOptions
  readonly #request: TunnelRequest
  readonly #id: string
  readonly #stop = new AbortController()
  readonly #closed: () => void
  readonly #answered: Promise<TunnelAnswer>
  #resolve: (answer: TunnelAnswer) => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #to: string | undefined
  #upload: OutFlow | undefined
  /** Whether the whole body has left the stamp. */
  #isSent: boolean
  #download: InFlow | undefined
  #closeFlow: (() => void) | undefined
  #unhear: () => void = () => undefined
  #isOver = false
  #beganAt = 0
  #heardAt = 0
  #saidAt = 0
  #waitsFrom = 0

  /** `closed` is called once, when the try is over and all it held is let go. */
  constructor(options: EntryCallOptions, request: TunnelRequest, id: string, closed: () => void) {
    this.#options = options
    this.#request = request
    this.#id = id
    this.#closed = closed
    this.#isSent = isWhole(request.body)
    this.#answered = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever asked hears it from `ask`; a try that fails before it was asked has nobody yet.
    this.#answered.catch(() => undefined)
  }

  get isSent(): boolean {
    return this.#isSent
  }

  /** Whether a hub agent has taken a streamed body, of which some may be gone. */
  get hasBegunUpload(): boolean {
    return this.#upload !== undefined
  }

  /** Asks. `isSecond`: the body went to whom was asked before. Throws as `ApiLines.ask`. */
  ask(isSecond: boolean): Promise<TunnelAnswer> {
    const { lines, scope, place, budget, times } = this.#options
    const { service, method, target, headers, body } = this.#request
    const whole = isWhole(body)
    const head: AskHead = {
      id: this.#id,
      service,
      method,
      target,
      headers,
      upload: isSecond ? 'sent' : whole ? 'whole' : 'stream',
      ...(whole || body.length === undefined ? {} : { length: body.length }),
      answerMs: times.answerMs,
      chunkBytes: this.#chunkBytes,
      credit: budget.window(),
    }
    if (isSecond) this.#isSent = true
    const bytes = whole && !isSecond ? body : new Uint8Array()
    const message = encodeFrame({ kind: 'ask', head, body: bytes })
    this.#heardAt = this.#saidAt = this.#waitsFrom = this.#beganAt = performance.now()
    this.#unhear = lines.ask(apiSubject(scope, place), message, (heard) => {
      this.#hear(heard, head.credit)
    })
    return this.#answered
  }

  /** Says that the stamp is there, and gives the call up where the hub agent has not said so for long. */
  tick(now: number): void {
    const { aliveMs, silenceMs, answerMs, totalMs } = this.#options.times
    if (now - this.#beganAt >= totalMs)
      this.fail(failure('late', `The call has taken ${totalMs} ms and more.`, 'maybe'))
    else if (now - this.#heardAt >= silenceMs)
      this.fail(failure('hub-gone', 'The hub agent that had this call is silent.', 'maybe'))
    else if (
      this.#download === undefined &&
      this.#isSent &&
      now - this.#waitsFrom >= answerMs + GRACE_MS
    )
      this.fail(failure('late', `There was no answer within ${answerMs} ms.`, 'maybe'))
    else if (now - this.#saidAt >= aliveMs) this.#say({ kind: 'alive', head: {} })
  }

  /** Ends the try for a reason of the stamp's own, and tells the hub agent. */
  fail(error: Error): void {
    if (this.#isOver) return
    this.#say({ kind: 'cancel', head: {} })
    this.#over(error)
  }

  get #chunkBytes(): number {
    return Math.min(CHUNK_BYTES, this.#options.lines.mostBytes)
  }

  #hear(heard: Heard | 'nobody', credit: number): void {
    if (heard === 'nobody') {
      this.#over(failure('no-hub', 'No hub agent of the control plane listens.'))
      return
    }
    const frame = decodeFrame(heard.bytes)
    if (frame === undefined) {
      this.fail(failure('broken', 'The hub agent said something that is no frame.', 'maybe'))
      return
    }
    this.#heardAt = performance.now()
    this.#take(frame, credit)
  }

  #take(frame: Frame, credit: number): void {
    switch (frame.kind) {
      case 'take':
        this.#to = frame.head.to
        this.#begin(Math.min(frame.head.chunkBytes, this.#chunkBytes), frame.head.credit)
        return
      case 'alive':
        this.#to = frame.head.to ?? this.#to
        return
      case 'answer':
        this.#to = frame.head.to
        this.#begun(frame, credit)
        return
      case 'data':
        this.#check(this.#download?.part(frame.head.n, frame.body))
        return
      case 'end':
        this.#check(this.#download?.end(frame.head.n))
        this.#over(undefined)
        return
      case 'credit':
        this.#upload?.give(frame.head.n)
        return
      case 'fail':
        this.#over(fromFailHead(frame.head))
        return
      case 'cancel':
        this.#over(failure('broken', 'The hub agent gave the call up.', 'maybe'))
        return
      case 'ask':
        this.fail(failure('broken', 'The hub agent asked back.', 'maybe'))
    }
  }

  #check(mistake: Error | undefined): void {
    if (mistake !== undefined) this.fail(mistake)
  }

  #begin(chunkBytes: number, credit: number): void {
    const { body } = this.#request
    if (isWhole(body) || this.#upload !== undefined || this.#isSent) return
    const flow = new OutFlow((frame) => this.#say(frame), chunkBytes, credit)
    this.#upload = flow
    void this.#pass(flow, body)
  }

  async #pass(flow: OutFlow, body: StreamedBody): Promise<void> {
    try {
      await flow.pass(body.read(), this.#stop.signal)
      this.#isSent = true
      this.#waitsFrom = performance.now()
    } catch (error) {
      // Where the call is over already, nobody waits for its body.
      this.fail(error instanceof Error ? error : new Error('the body could not be read'))
    }
  }

  #begun(answer: Frame & { kind: 'answer' }, credit: number): void {
    const { status, headers, whole } = answer.head
    if (whole) {
      this.#resolve({ status, headers, body: answer.body, cancel: () => undefined })
      this.#over(undefined)
      return
    }
    const { budget } = this.#options
    this.#closeFlow = budget.open()
    const download = new InFlow(credit, budget.window, (n) =>
      this.#say({ kind: 'credit', head: { n } }),
    )
    this.#download = download
    this.#resolve({
      status,
      headers,
      body: download.read(),
      cancel: () => {
        this.fail(failure('cancelled', 'The client has gone.', 'maybe'))
      },
    })
  }

  #over(error: Error | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#unhear()
    this.#closeFlow?.()
    const reason = error ?? failure('cancelled', 'The call is over.', 'maybe')
    this.#stop.abort(reason)
    this.#reject(reason)
    this.#download?.fail(reason)
    this.#closed()
  }

  #say(frame: Frame): void {
    if (this.#to === undefined) return
    const { lines, scope, place } = this.#options
    this.#saidAt = performance.now()
    try {
      lines.say(apiFlowSubject(scope, place, this.#to), encodeFrame(frame))
    } catch (error) {
      this.#over(
        failure('broken', 'The gateway NATS was lost in the middle of the call.', 'maybe', error),
      )
    }
  }
}
