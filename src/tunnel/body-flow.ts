import type { Frame } from '../domain/tunnel-frame.ts'
import type { SignetError } from '../errors.ts'
import { failure } from './tunnel-failure.ts'

/** The largest part of a body in one message, in bytes, and how many may be under way (nats-notes 6). */
export const CHUNK_BYTES = 262_144
export const MOST_WINDOW = 8

/** One body on its way out: cut into numbered parts, no more of them than the other side gave credit for. */
export class OutFlow {
  readonly #send: (frame: Frame) => void
  readonly #chunkBytes: number
  #credit: number
  #sent = 0
  #wake: (() => void) | undefined

  constructor(send: (frame: Frame) => void, chunkBytes: number, credit: number) {
    this.#send = send
    this.#chunkBytes = chunkBytes
    this.#credit = credit
  }

  give(credit: number): void {
    this.#credit += credit
    this.#wake?.()
  }

  /** Sends a body and its end. Rejects with the signal's reason, and with what the source throws. */
  async pass(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    let held: Uint8Array[] = []
    let bytes = 0
    for await (const piece of source) {
      let from = 0
      while (bytes + piece.length - from >= this.#chunkBytes) {
        const upTo = from + this.#chunkBytes - bytes
        const last = piece.subarray(from, upTo)
        await this.#part(held.length === 0 ? last : Buffer.concat([...held, last]), signal)
        held = []
        bytes = 0
        from = upTo
      }
      if (from < piece.length) held.push(piece.subarray(from))
      bytes += piece.length - from
    }
    if (bytes > 0) await this.#part(Buffer.concat(held), signal)
    signal.throwIfAborted()
    this.#send({ kind: 'end', head: { n: this.#sent } })
  }

  async #part(body: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#credit <= 0) await this.#moreCredit(signal)
    this.#credit -= 1
    this.#send({ kind: 'data', head: { n: this.#sent }, body })
    this.#sent += 1
  }

  #moreCredit(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        reject(signal.reason as Error)
      }
      this.#wake = () => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}

/**
 * One body on its way in. Its parts must come in order and without a gap: core NATS may lose one, and then
 * the body is broken, never shorter. Whoever reads it gives credit by reading.
 */
export class InFlow {
  readonly #window: () => number
  readonly #grant: (credit: number) => void
  readonly #parts: Uint8Array[] = []
  #expected = 0
  #consumed = 0
  #granted: number
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  /** `credit`: what was given at the start. `window`: how many parts may be under way or unread now. */
  constructor(credit: number, window: () => number, grant: (credit: number) => void) {
    this.#granted = credit
    this.#window = window
    this.#grant = grant
  }

  /** Takes a part. Returns what is wrong where it is not the next one, or more than there is credit for. */
  part(n: number, body: Uint8Array): SignetError | undefined {
    if (n !== this.#expected || this.#ended)
      return this.#broken(`part ${n} came instead of part ${this.#expected}`)
    if (n >= this.#granted) return this.#broken(`part ${n} came without credit`)
    this.#expected += 1
    this.#parts.push(body)
    this.#wake?.()
    return undefined
  }

  /** Takes the end. Returns what is wrong where parts are missing. */
  end(n: number): SignetError | undefined {
    if (n !== this.#expected)
      return this.#broken(`${n} parts were sent, and ${this.#expected} came`)
    this.#ended = true
    this.#wake?.()
    return undefined
  }

  /** The first failure counts; after the end there is none. */
  fail(error: Error): void {
    if (!this.#ended) this.#failure ??= error
    this.#wake?.()
  }

  /** The parts, in order. Rejects where the flow is broken. Only one may read. */
  async *read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const part = this.#parts.shift()
      if (part !== undefined) {
        yield part
        this.#consumed += 1
        this.#giveCredit()
      } else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  #broken(detail: string): SignetError {
    const error = failure('broken', `A body came in pieces that do not fit: ${detail}.`, 'maybe')
    this.fail(error)
    return error
  }

  /** In halves of a window, so that a part does not cost a message each. */
  #giveCredit(): void {
    if (this.#ended) return
    const window = this.#window()
    const open = this.#granted - this.#consumed
    const credit = window - open
    if (credit <= 0 || credit < Math.floor(window / 2)) return
    this.#granted += credit
    this.#grant(credit)
  }
}
