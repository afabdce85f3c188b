import type { Place, Scope } from '../domain/subject.ts'
import { linkSubject } from '../domain/subject.ts'
import { geoOfStamp } from '../domain/residency.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Topology } from '../domain/topology.ts'
import type { Border } from '../flow/border.ts'
import { mayNotLeave } from '../flow/border.ts'
import type { Crossed } from '../flow/residency.ts'
import type { Headers, Stored } from '../links/delivery.ts'
import {
  CAUSE,
  extendPath,
  GEOS,
  MESSAGE_ID,
  PATH,
  REDACTED,
  TRACEPARENT,
} from '../links/header-names.ts'
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
  /** The geos whose data it holds, beside home's and those of its path. */
  readonly geos?: readonly string[]
}

export interface CopiesOptions {
  readonly scope: Scope
  readonly home: { readonly geo: string; readonly stamp: string }
  /** With the stamps that joined: an event may have been through them. */
  readonly topology: () => Topology
  readonly border: Border
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

  /** What the residency of all geos whose data an event holds makes of it on its way to a stamp. */
  crossed({ tail, body, path, geos = [] }: Outgoing, { geo: to }: Pick<Place, 'geo'>): Crossed {
    const { home, topology, border } = this.#options
    const passed = path.map((stamp) => geoOfStamp(topology(), stamp))
    const from = [home.geo, ...passed.filter((geo) => geo !== undefined), ...geos]
    return border.look({ from: [...new Set(from)], to, tail }, body)
  }

  /**
   * Stores the copy for one stamp; resolves with where it lies. `again`: what tells it from a copy that was
   * sent before. Rejects as `Publisher.store`, and with `SIGNET_RESIDENCY_REFUSED`.
   */
  async store(
    event: Outgoing,
    place: Place,
    again: { readonly id: string; readonly headers: Headers } = { id: '', headers: {} },
  ): Promise<Stored> {
    const { scope, home, publisher } = this.#options
    const { geos = [] } = event
    const id = messageId(event.id)
    const crossed = this.crossed(event, place)
    if (crossed.kind === 'refused') throw mayNotLeave(crossed.why)
    const { body, redacted } = crossed
    return publisher.store({
      subject: linkSubject(scope, 'down', place, event.tail),
      body,
      stream: this.stream,
      headers: {
        [MESSAGE_ID]: `${id}:${place.stamp}${again.id}`,
        [PATH]: extendPath(event.path, home.stamp),
        ...(event.isFanOut ? { [CAUSE]: id } : {}),
        ...(event.traceparent === '' ? {} : { [TRACEPARENT]: event.traceparent }),
        ...(redacted.length === 0 ? {} : { [REDACTED]: redacted.join() }),
        ...(geos.length === 0 ? {} : { [GEOS]: geos.join() }),
        ...again.headers,
      },
    })
  }
}
