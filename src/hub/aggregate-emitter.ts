import { aggregateData, finishedEvent, progressEvent, startedEvent } from '../domain/aggregate.ts'
import type { HubEvent, ProgressTold } from '../domain/aggregate.ts'
import type { FanOut, Settled, TargetRecords } from '../domain/fanout.ts'
import type { Merged } from '../domain/merge.ts'
import { finishMerge, jsonBytes, mergeAnswer, startMerge } from '../domain/merge.ts'
import { isJsonObject, parseJsonObject } from '../domain/json.ts'
import { finishedInOrder } from '../domain/stamp-outcome.ts'
import { tailOf } from '../domain/subject.ts'
import type { WayIn } from '../flow/way-in.ts'
import { CAUSE, GEOS, PATH, TRACEPARENT } from '../links/header-names.ts'
import { derivedId, messageId } from '../links/message-id.ts'
import type { Store } from '../links/store.ts'

export interface AggregateEmitterOptions {
  readonly wayIn: WayIn
  readonly hubStore: Store
  /** The stream that the answers lie in. */
  readonly answers: string
  readonly home: string
  /** The largest message that home's Keptn NATS takes now, in bytes. */
  readonly maxPayloadBytes: () => number
}

/** Room for the headers of a message, ids and traces of any sane length among them, in bytes. */
const HEADER_ROOM = 4_096
/** How many answers are fetched ahead of the merge. */
const AHEAD = 8

/**
 * Tells the control plane of a fan-out. Every id is derived from the `.triggered`'s, and every event made
 * from stored facts, so that doing it twice is doing it once.
 */
export class AggregateEmitter {
  readonly #options: AggregateEmitterOptions

  constructor(options: AggregateEmitterOptions) {
    this.#options = options
  }

  async started(head: FanOut): Promise<void> {
    await this.#emit(head, startedEvent(head, derivedId(head.controlPlane, head.id, 'started')))
  }

  async progress(head: FanOut, told: ProgressTold, at: number): Promise<void> {
    // After a pause the same words are news again.
    const held = Object.values(head.heldMs ?? {}).join()
    const id = derivedId(
      head.controlPlane,
      head.id,
      'progress',
      told.message,
      ...(held === '' ? [] : [held]),
      ...(told.begun.length === 0 ? [] : ['begun', ...told.begun]),
    )
    await this.#emit(head, progressEvent(head, id, told, at))
  }

  async finished(head: FanOut, settlement: Settled, records: TargetRecords): Promise<void> {
    const id = derivedId(head.controlPlane, head.id, 'finished')
    // A context or a commit may be of any length: an event that does not fit would never be told.
    const envelope = jsonBytes(finishedEvent(head, id, settlement, {}))
    const maxBytes = this.#options.maxPayloadBytes() - HEADER_ROOM - envelope
    const merged = await this.#merge(head, records, maxBytes)
    const data = aggregateData({ head, records, settlement, merged, maxBytes })
    await this.#emit(head, finishedEvent(head, id, settlement, data))
  }

  /** The answers lie in the stream that brought them; one at a time is read and merged. */
  async #merge(head: FanOut, records: TargetRecords, maxBytes: number): Promise<Merged> {
    const sequences = head.targets.flatMap(({ stamp }) => {
      const record = records.get(stamp)
      return record === undefined ? [] : finishedInOrder(record).map(([, { seq }]) => seq)
    })
    let merge = startMerge(maxBytes)
    for (let start = 0; start < sequences.length && merge.data !== undefined; start += AHEAD) {
      const slice = sequences.slice(start, start + AHEAD)
      for (const data of await Promise.all(slice.map((sequence) => this.#answer(sequence)))) {
        if (data !== undefined) merge = mergeAnswer(merge, data)
      }
    }
    return finishMerge(merge)
  }

  async #answer(sequence: number): Promise<Readonly<Record<string, unknown>> | undefined> {
    const message = await this.#options.hubStore.message(this.#options.answers, sequence)
    if (message === undefined) return undefined
    const data = parseJsonObject(Buffer.from(message.body).toString('utf8'))?.['data']
    return isJsonObject(data) ? data : undefined
  }

  async #emit(head: FanOut, event: HubEvent): Promise<void> {
    const tail = tailOf(event.type)
    if (tail === undefined) return
    await this.#options.wayIn.enter(tail, event.id, Buffer.from(JSON.stringify(event)), {
      [PATH]: this.#options.home,
      [CAUSE]: messageId(head.id),
      // What it tells of them may go on only to where their own answers may.
      [GEOS]: [...new Set(head.targets.map(({ geo }) => geo))].join(),
      ...(head.traceparent === undefined ? {} : { [TRACEPARENT]: head.traceparent }),
    })
  }
}
