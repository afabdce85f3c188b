import type { Sighting } from '../domain/sighting.ts'
import { seenEvent } from '../domain/sighting.ts'
import { geoOfStamp } from '../domain/residency.ts'
import { KEPTN_STREAM } from '../domain/store-names.ts'
import { parseDeadLetterSubject, parseLinkSubject, tailOf } from '../domain/subject.ts'
import type { Trace } from '../domain/trace.ts'
import { buildTrace } from '../domain/trace.ts'
import { SignetError } from '../errors.ts'
import type { Delivery } from '../links/delivery.ts'
import type { Store } from '../links/store.ts'
import { scanStream } from '../links/stream-scan.ts'
import { Turnstile } from '../runtime/turnstile.ts'
import type { ControlCall, ControlHandler } from './control-handler.ts'
import { controlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'
import { shown } from './shown.ts'

/** What `trace` answers. */
export interface TraceAnswer extends Trace {
  /** From when on the streams were read, as ISO 8601. */
  readonly since: string
  /** How many messages were looked at. */
  readonly scanned: number
  /** More was found than is told: only what was found first. */
  readonly truncated: boolean
  /** Streams that could not be read to their end, and why. */
  readonly unread: readonly { readonly stream: string; readonly why: string }[]
}

/** How far a trace is; `waits`: others are looked for first. */
export interface TraceProgress {
  readonly waits: boolean
  readonly stream: string
  readonly scanned: number
  readonly found: number
}

interface TraceArgs {
  readonly context: string
  readonly sinceMs: number
}

/** So many traces read the streams at once; the others wait for their turn. */
const AT_ONCE = 2
/** More places than this are told of no context: it would be one whose sender runs in circles. */
const MOST_SIGHTINGS = 50_000
const DAY_MS = 24 * 3_600_000
const MOST_BACK_MS = 3_650 * DAY_MS

/** `trace`: everything that the streams hold of one context. */
export function traceHandler(parts: HubParts): ControlHandler {
  const turnstile = new Turnstile(AT_ONCE)
  return controlHandler<TraceArgs>({
    verb: 'trace',
    changes: false,
    read: (args) => ({
      context: args.text('context', 256),
      sinceMs: args.optionalWhole('sinceMs', 1, MOST_BACK_MS) ?? DAY_MS,
    }),
    handle: async (args, call) => {
      call.progress({ waits: true, stream: '', scanned: 0, found: 0 } satisfies TraceProgress)
      return turnstile.pass(call.signal, () => new Tracing(parts, args, call).trace())
    },
  })
}

class Tracing {
  readonly #parts: HubParts
  readonly #args: TraceArgs
  readonly #call: ControlCall
  readonly #needle: Buffer
  readonly #sightings: Sighting[] = []
  #scanned = 0
  #truncated = false

  constructor(parts: HubParts, args: TraceArgs, call: ControlCall) {
    this.#parts = parts
    this.#args = args
    this.#call = call
    // As it stands in JSON: escapes are written in one way by all of Keptn's senders.
    this.#needle = Buffer.from(JSON.stringify(args.context).slice(1, -1))
  }

  async trace(): Promise<TraceAnswer> {
    const { hubStore, keptnStore, names, now, controlPlane } = this.#parts
    const { context, sinceMs } = this.#args
    const since = now() - sinceMs
    const unread: { stream: string; why: string }[] = []
    for (const [store, stream, where] of [
      [keptnStore, KEPTN_STREAM, 'keptn'],
      [hubStore, names.down, 'down'],
      [hubStore, names.up, 'up'],
      [hubStore, names.deadLetters, 'dead-letters'],
    ] as const) {
      const why = await this.#scan(store, stream, where, since)
      if (why !== undefined) unread.push({ stream, why })
    }
    return {
      ...buildTrace(context, controlPlane.home.stamp, this.#sightings),
      since: new Date(since).toISOString(),
      scanned: this.#scanned,
      truncated: this.#truncated,
      unread,
    }
  }

  /** Why a stream could not be read: at night, half of a trace is better than none. */
  async #scan(
    store: Store,
    stream: string,
    where: Sighting['where'],
    since: number,
  ): Promise<string | undefined> {
    const { signal } = this.#call
    try {
      await scanStream({
        store,
        stream,
        since,
        signal,
        visit: (message) => {
          this.#scanned += 1
          this.#visit(message, where)
          const found = this.#sightings.length
          this.#call.progress({
            waits: false,
            stream,
            scanned: this.#scanned,
            found,
          } satisfies TraceProgress)
        },
      })
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SignetError) return error.message
      throw error
    }
  }

  #visit(message: Delivery, where: Sighting['where']): void {
    const body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.length)
    // Most messages are of other contexts: to look for some bytes costs a hundredth of parsing them.
    if (!body.includes(this.#needle)) return
    const place = placeOf(where, message.subject)
    const event = this.#seen(body, place)
    if (event === undefined) return
    if (this.#sightings.length >= MOST_SIGHTINGS) {
      this.#truncated = true
      return
    }
    const { storedAt: at, sequence } = message
    this.#sightings.push({ where, ...place, at, sequence, event })
  }

  /** The event as whoever asks may see it: what it says of itself besides names and results is data. */
  #seen(body: Buffer, { stamp = '' }: Pick<Sighting, 'stamp'>) {
    const { context } = this.#args
    const event = seenEvent(body.toString('utf8'), context)
    if (event === undefined || event.message === '') return event
    const from = [geoOfStamp(this.#parts.topology.current, stamp)]
    const crossed = shown(this.#parts, this.#call, { from, tail: tailOf(event.type) ?? '' }, body)
    if (crossed.kind === 'refused') return { ...event, message: '' }
    return seenEvent(Buffer.from(crossed.body).toString('utf8'), context)
  }
}

function placeOf(where: Sighting['where'], subject: string): Pick<Sighting, 'stamp' | 'reason'> {
  switch (where) {
    case 'keptn':
      return {}
    case 'down':
    case 'up': {
      const stamp = parseLinkSubject(subject)?.place.stamp
      return stamp === undefined ? {} : { stamp }
    }
    case 'dead-letters':
      return placeOfLetter(subject)
  }
}

function placeOfLetter(subject: string): Pick<Sighting, 'stamp' | 'reason'> {
  const letter = parseDeadLetterSubject(subject)
  return letter === undefined ? {} : { stamp: letter.stamp, reason: letter.reason }
}
