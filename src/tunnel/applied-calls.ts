import type { HeaderFields } from '../domain/http-fields.ts'
import type { FailHead } from '../domain/tunnel-frame.ts'
import type { Bucket } from '../links/bucket.ts'
import { sleep } from '../runtime/clock.ts'
import { failure } from './tunnel-failure.ts'

/** What is kept of a call that changes something: who began it, and how it ended. */
export interface CallRecord {
  /** The hub agent that makes the call. */
  readonly by: string
  readonly outcome?: CallOutcome
}

export type CallOutcome =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: HeaderFields
      /** Base 64; absent where it was too large to keep. */
      readonly body?: string
    }
  | { readonly kind: 'failed'; readonly fail: FailHead }

export interface AppliedCallsOptions {
  /** Opens the bucket; called again after a failure. */
  readonly open: () => Promise<Bucket<CallRecord>>
  readonly agent: string
  /** Whether a hub agent still runs. */
  readonly isAlive: (agent: string) => Promise<boolean>
}

/** How often the outcome of somebody else's call is looked for, in milliseconds. */
const LOOK_MS = 200

/**
 * Lets a call that changes something be made once (DESIGN 7.7), whoever is asked for it and how often: the
 * first to write its record makes the call, all others wait for what became of it. After a crash in the
 * middle nobody knows, and nobody tries again.
 */
export class AppliedCalls {
  readonly #options: AppliedCallsOptions
  #bucket: Promise<Bucket<CallRecord>> | undefined

  constructor(options: AppliedCallsOptions) {
    this.#options = options
  }

  /** The revision of our record; undefined where somebody has begun. Rejects with `store-away`. */
  async begin(key: string): Promise<number | undefined> {
    return this.#with((bucket) => bucket.create(key, { by: this.#options.agent }))
  }

  /** Keeps what became of a call that we began. */
  async settle(key: string, revision: number, outcome: CallOutcome): Promise<void> {
    const record = { by: this.#options.agent, outcome }
    await this.#with((bucket) => bucket.update(key, record, revision))
  }

  /** The call was not made after all, and may be begun again. */
  async withdraw(key: string): Promise<void> {
    await this.#with((bucket) => bucket.forget(key))
  }

  /**
   * What became of a call that somebody has begun. Rejects where nobody has (`answer-lost`, not applied), or
   * where whoever did is gone without a word (`answer-lost`, maybe applied).
   */
  async outcome(key: string, signal: AbortSignal): Promise<CallOutcome> {
    for (;;) {
      const record = (await this.#with((bucket) => bucket.get(key)))?.value
      if (record === undefined)
        throw failure('answer-lost', 'The call was not begun by whoever took it.', 'no')
      if (record.outcome !== undefined) return record.outcome
      if (!(await this.#options.isAlive(record.by))) {
        // It may have ended after its last word.
        const last = (await this.#with((bucket) => bucket.get(key)))?.value.outcome
        if (last !== undefined) return last
        throw failure(
          'answer-lost',
          'The hub agent that made the call ended in the middle of it: it may have been applied.',
          'maybe',
        )
      }
      await sleep(LOOK_MS, signal)
    }
  }

  async #with<T>(use: (bucket: Bucket<CallRecord>) => Promise<T>): Promise<T> {
    try {
      this.#bucket ??= this.#options.open()
      return await use(await this.#bucket)
    } catch (error) {
      this.#bucket = undefined
      throw failure(
        'store-away',
        'The hub store does not answer, and without it nothing is changed: it could be done twice.',
        'no',
        error,
      )
    }
  }
}
