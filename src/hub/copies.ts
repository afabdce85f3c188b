import type { Place, Scope } from '../domain/subject.ts'
import { linkSubject } from '../domain/subject.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Stored } from '../links/delivery.ts'
import { CAUSE, extendPath, MESSAGE_ID, PATH, TRACEPARENT } from '../links/header-names.ts'
import { messageId } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'

/** An event on its way to stamps. */
export interface Outgoing {
  readonly id: string
  /** Its Keptn subject without `sh.keptn.`. */
  readonly tail: string
  readonly body: Uint8Array
  /** The stamps that it has been through. */
  readonly path: readonly string[]
  /** Empty where it has none. */
  readonly traceparent: string
  /** Whether it belongs to a fan-out, which is named after it. */
  readonly isFanOut: boolean
}

export interface CopiesOptions {
  readonly scope: Scope
  readonly home: string
  /** To the gateway. */
  readonly publisher: Publisher
}

/** Copies of events for stamps, in the stream DOWN: each is stored once, however often it is sent. */
export class Copies {
  readonly #options: CopiesOptions
  /** The stream that they lie in. */
  readonly stream: string

  constructor(options: CopiesOptions) {
    this.#options = options
    this.stream = storeNames(options.scope).down
  }

  /** Stores the copy for one stamp; resolves with where it lies. Rejects as `Publisher.store`. */
  store(event: Outgoing, place: Place): Promise<Stored> {
    const { scope, home, publisher } = this.#options
    const id = messageId(event.id)
    return publisher.store({
      subject: linkSubject(scope, 'down', place, event.tail),
      body: event.body,
      stream: this.stream,
      headers: {
        [MESSAGE_ID]: `${id}:${place.stamp}`,
        [PATH]: extendPath(event.path, home),
        ...(event.isFanOut ? { [CAUSE]: id } : {}),
        ...(event.traceparent === '' ? {} : { [TRACEPARENT]: event.traceparent }),
      },
    })
  }
}
