import type { Msg, PermissionViolationError, Subscription } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import { REPEAT_MS } from '../domain/control.ts'
import type { AnswerMessage } from '../domain/control-parts.ts'
import { AnswerParts } from '../domain/control-parts.ts'
import { SignetError } from '../errors.ts'
import { ANSWER, PART } from './header-names.ts'
import type { NatsSide } from './nats-side.ts'

export interface ControlAskingOptions {
  readonly side: NatsSide
  readonly subject: string
  readonly request: object
  readonly patienceMs: number
  /** What the hub says while it works, and how much of the answer (bytes) has come. */
  readonly onProgress: (about: unknown, bytes: number) => void
  /** Nobody answered: why that may be. */
  readonly nobody: (why: string) => SignetError
}

/** A larger answer than this is none of ours. */
const MOST_BYTES = 64 * 1_048_576
const NO_RESPONDERS = 503

/** One request from its first word to its whole answer. Ends once, whatever comes first. */
export class ControlAsking {
  readonly #options: ControlAskingOptions
  readonly #reply: string
  readonly #parts = new AnswerParts(MOST_BYTES)
  readonly #subscription: Subscription
  readonly #repeat: NodeJS.Timeout
  readonly #answer: Promise<string>
  #settle: { resolve(text: string): void; reject(error: unknown): void } | undefined
  #deadline: NodeJS.Timeout | undefined
  #isHeard = false

  constructor(options: ControlAskingOptions) {
    this.#options = options
    const { side } = options
    this.#reply = createInbox(side.inboxPrefix)
    this.#answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#subscription = side.connection.subscribe(this.#reply, {
      callback: (error, message) => {
        if (error === null) this.#take(message)
        // The subscription itself was refused; `refused` is told as well.
      },
    })
    this.#repeat = setInterval(() => {
      this.#say(false)
    }, REPEAT_MS)
    this.#wait()
    this.#say(false)
  }

  /** The text of the answer. */
  get answer(): Promise<string> {
    return this.#answer
  }

  /** The server does not allow something to this connection. */
  refused(error: PermissionViolationError): void {
    const { subject } = this.#options
    if (error.subject === subject || error.subject === this.#reply)
      this.fail(mayNot(error, subject))
  }

  /** Nobody waits any more. */
  cancel(reason: unknown): void {
    this.#say(true)
    this.fail(reason)
  }

  fail(error: unknown): void {
    this.#end()?.reject(error)
  }

  #end() {
    const settle = this.#settle
    this.#settle = undefined
    clearTimeout(this.#deadline)
    clearInterval(this.#repeat)
    this.#subscription.unsubscribe()
    return settle
  }

  #say(cancelled: boolean): void {
    const { side, subject, request } = this.#options
    if (this.#settle === undefined || !side.isConnected) return
    const body = JSON.stringify({ ...request, cancelled })
    side.connection.publish(subject, body, { reply: this.#reply })
  }

  #wait(): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => {
      this.#silent('nobody answered in time')
    }, this.#options.patienceMs)
  }

  #take(message: Msg): void {
    if (this.#settle === undefined) return
    if (message.headers?.code === NO_RESPONDERS) {
      this.#silent('nobody listens')
      return
    }
    const read = answerMessage(message)
    const step = read === undefined ? undefined : this.#parts.take(read)
    if (read === undefined || step === undefined || step.kind === 'ignored') return
    this.#isHeard = true
    this.#wait()
    if (step.kind === 'broken') this.fail(brokenAnswer(step.why))
    else if (step.kind === 'complete') this.#end()?.resolve(new TextDecoder().decode(step.answer))
    else {
      const about = read.kind === 'progress' ? parsed(read.body) : undefined
      this.#options.onProgress(about, this.#parts.bytes)
    }
  }

  #silent(why: string): void {
    this.fail(this.#isHeard ? fellSilent() : this.#options.nobody(why))
  }
}

/** An answer that is none. */
export function brokenAnswer(why: string): SignetError {
  return new SignetError(
    'SIGNET_NO_HUB',
    `The answer of the hub did not arrive whole: ${why}. Nothing of it is shown; ask again.`,
  )
}

function answerMessage({ headers, data }: Msg): AnswerMessage | undefined {
  const [kind, from = ''] = (headers?.get(ANSWER) ?? '').split(' ')
  if (kind !== 'progress' && kind !== 'part' && kind !== 'end') return undefined
  return { kind, from, part: Number(headers?.get(PART)), body: data }
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
}

function fellSilent(): SignetError {
  return new SignetError(
    'SIGNET_NO_HUB',
    'The hub began to answer and fell silent. Nothing of what it said is shown. Ask again: another agent of the ' +
      'home stamp may have taken over. Else look at its /readyz and its log.',
  )
}

function mayNot(error: PermissionViolationError, subject: string): SignetError {
  const { operation } = error
  const what = operation === 'publish' ? 'publish to' : 'subscribe to'
  return new SignetError(
    'SIGNET_AUTH_REFUSED',
    `The NATS user of this command may not ${what} ${error.subject}. It needs the right to publish to ${subject}, ` +
      'and to subscribe to its own inboxes.',
    { cause: error, details: { subject: error.subject, operation } },
  )
}
