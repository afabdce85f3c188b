import { durableName } from '../domain/store-names.ts'
import { DurableReader } from '../flow/durable-reader.ts'
import { windowBack } from '../flow/resume.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { StampConsumers } from './stamp-consumers.ts'

export interface AnswerReaderOptions {
  readonly hubStore: Store
  /** The stream UP. */
  readonly stream: string
  readonly home: string
  readonly consumers: StampConsumers
  readonly makeStreams: () => Promise<void>
  readonly term: Term
  readonly dedupeWindowMs: number
  /** Called when somebody had deleted the consumer, and it was made anew. */
  readonly onMadeAnew: () => void
}

/**
 * Reads what the stamps sent. An answer that is read again is known to its fan-out by its id; all else is a
 * duplicate at the way in, for its window.
 */
export function answerReader(options: AnswerReaderOptions): DurableReader {
  const { hubStore, stream, home, consumers, makeStreams, term, dedupeWindowMs } = options
  return new DurableReader({
    store: hubStore,
    stream,
    durable: durableName(home),
    term,
    making: {
      make: async (start) => {
        await makeStreams()
        await consumers.makeForAnswers(home, start)
      },
      unseen: () => windowBack(hubStore, stream, dedupeWindowMs),
      windowMs: dedupeWindowMs,
      onMadeAnew: options.onMadeAnew,
    },
  })
}
