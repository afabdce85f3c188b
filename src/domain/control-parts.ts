/**
 * An answer of the hub in messages, since it may be larger than one. Each says what it is (`Signet-Answer`)
 * and who sends it: two hubs may both believe to be the one, while one of them is being replaced, and the
 * first that is heard counts. `progress`: the hub is at work; `part`: the next piece of the answer, counted
 * from 0; `end`: an empty body, and the number of parts. What is missing or out of order breaks the answer:
 * half of one is never shown.
 */
export interface AnswerMessage {
  readonly kind: 'progress' | 'part' | 'end'
  /** Whose message it is: random, one for each hub that runs. */
  readonly from: string
  /** The number of this part, at the end that of all parts; 0 for progress. */
  readonly part: number
  readonly body: Uint8Array
}

/** The most that one message carries, in bytes: well below any `max_payload` in use. */
export const PART_BYTES = 256 * 1_024 - 4_096

/** The messages of an answer, in order. */
export function* answerMessages(
  from: string,
  answer: Uint8Array,
  partBytes: number,
): Generator<AnswerMessage> {
  const size = Math.max(1, Math.floor(partBytes))
  let part = 0
  for (let start = 0; start < answer.length; start += size) {
    yield { kind: 'part', from, part, body: answer.subarray(start, start + size) }
    part += 1
  }
  yield { kind: 'end', from, part, body: new Uint8Array() }
}

/** What a message brought an answer to. `ignored`: it is of a second hub. */
export type AnswerStep =
  | { readonly kind: 'progress' | 'ignored' }
  | { readonly kind: 'complete'; readonly answer: Uint8Array }
  | { readonly kind: 'broken'; readonly why: string }

/** Puts an answer together again; broken once, it stays broken. */
export class AnswerParts {
  readonly #mostBytes: number
  readonly #parts: Uint8Array[] = []
  #bytes = 0
  #from: string | undefined
  #broken: AnswerStep | undefined

  /** `mostBytes`: a larger answer is broken. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** How much of the answer has come, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  take({ kind, from, part, body }: AnswerMessage): AnswerStep {
    if (this.#broken !== undefined) return this.#broken
    this.#from ??= from
    if (from !== this.#from) return { kind: 'ignored' }
    if (kind === 'progress') return { kind }
    const expected = this.#parts.length
    if (part !== expected) return this.#break(`part ${expected} is missing, ${kind} ${part} came`)
    if (kind === 'end') return { kind: 'complete', answer: this.#joined() }
    this.#bytes += body.length
    if (this.#bytes > this.#mostBytes) return this.#break(`it is above ${this.#mostBytes} bytes`)
    this.#parts.push(body)
    return { kind: 'progress' }
  }

  #break(why: string): AnswerStep {
    this.#broken = { kind: 'broken', why }
    this.#parts.length = 0
    return this.#broken
  }

  #joined(): Uint8Array {
    const answer = new Uint8Array(this.#bytes)
    let offset = 0
    for (const part of this.#parts) {
      answer.set(part, offset)
      offset += part.length
    }
    return answer
  }
}
