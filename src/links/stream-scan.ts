import type { JetStreamManager } from '@nats-io/jetstream'
import { AckPolicy, DeliverPolicy, JetStreamApiError } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { SignetError } from '../errors.ts'
import type { Delivery } from './delivery.ts'
import type { Store } from './store.ts'
import { translate } from './store.ts'

export interface StreamScan {
  readonly store: Store
  readonly stream: string
  /** From what was stored at this time on, in milliseconds since the epoch. */
  readonly since: number
  readonly signal: AbortSignal
  /** Told of each message; what it is given is gone when it returns. */
  readonly visit: (message: Delivery) => void
}

/** How much is fetched ahead, in bytes, so that a scan leaves the link to others in between. */
const AHEAD_BYTES = 1_048_576
/** After so many messages whoever else has work gets a turn. */
const TURN = 100
/** A consumer that nobody reads goes by itself after this, in milliseconds. */
const UNREAD_MS = 30_000
/** A store that says nothing for so long is given up, in milliseconds. */
const SILENCE_MS = 10_000

const MESSAGE_NOT_FOUND = 10_037

/**
 * Reads a stream from a time to its present end, in order, with a consumer of its own that leaves nothing
 * behind; memory is bounded by what is fetched ahead. A stream that is not there holds nothing. Rejects with
 * the signal's reason, and `SIGNET_JETSTREAM_MISSING` or `SIGNET_LINK_LOST` where the store does not answer.
 */
export async function scanStream(scan: StreamScan): Promise<void> {
  const { store, stream, signal } = scan
  try {
    const api = await store.client.jetstreamManager(false)
    const state = await store.stream(stream)
    if (state === undefined || state.messages === 0) return
    const { firstSequence, lastSequence } = state
    const first = await firstSince(api, scan, firstSequence, lastSequence)
    if (first <= lastSequence) await scanFrom(api, scan, first, lastSequence)
  } catch (error) {
    signal.throwIfAborted()
    throw translate(error, `Stream ${stream} could not be read`)
  }
}

async function scanFrom(
  api: JetStreamManager,
  scan: StreamScan,
  first: number,
  last: number,
): Promise<void> {
  const name = `signet-scan-${randomUUID()}`
  // No acknowledgements, so its place is in the server's memory only.
  const { num_pending: pending } = await api.consumers.add(scan.stream, {
    name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: first,
    inactive_threshold: nanos(UNREAD_MS),
    mem_storage: true,
    num_replicas: 1,
  })
  try {
    // Nothing would come, and be waited for.
    if (pending > 0) await readTo(last, name, scan)
  } finally {
    // It would go by itself after a while; that it is gone already is no failure.
    await api.consumers.delete(scan.stream, name).catch(() => false)
  }
}

async function readTo(
  last: number,
  name: string,
  { store, stream, signal, visit }: StreamScan,
): Promise<void> {
  const nothing = { unacknowledged: 0, pending: 0, ackWaitMs: 0, ackFloor: 0 }
  const source = store.read(
    stream,
    name,
    { ...nothing, deliveries: 0, deliveredUpTo: 0 },
    AHEAD_BYTES,
  )
  const stop = (): void => {
    source.stop()
  }
  const silence = setTimeout(stop, SILENCE_MS)
  signal.addEventListener('abort', stop)
  let turn = 0
  let isAtEnd = false
  try {
    for await (const delivery of source) {
      silence.refresh()
      if (delivery.sequence <= last) visit(delivery)
      isAtEnd = delivery.pending === 0 || delivery.sequence >= last
      if (isAtEnd || signal.aborted) break
      turn += 1
      if (turn % TURN === 0) await new Promise(setImmediate)
    }
  } finally {
    signal.removeEventListener('abort', stop)
    clearTimeout(silence)
  }
  signal.throwIfAborted()
  if (isAtEnd) return
  throw new SignetError('SIGNET_LINK_LOST', `Stream ${stream} fell silent while it was read.`)
}

/**
 * Where what was stored at a time or later begins, found by halves. Not by the server: where the last message
 * was deleted, 2.9.10 finds nothing from a time on.
 */
async function firstSince(
  api: JetStreamManager,
  { stream, since }: StreamScan,
  first: number,
  last: number,
): Promise<number> {
  let low = first
  let high = last + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await storedFrom(api, stream, middle)
    if (found === undefined || found.storedAt >= since) high = middle
    else low = found.sequence + 1
  }
  return low
}

/** The first message at a sequence or after it; undefined where there is none. */
async function storedFrom(api: JetStreamManager, stream: string, sequence: number) {
  try {
    // The client's type knows either of them only; the server takes both.
    const from = { seq: sequence, next_by_subj: '>' } as { seq: number }
    const found = await api.streams.getMessage(stream, from)
    return found === null ? undefined : { sequence: found.seq, storedAt: found.time.getTime() }
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === MESSAGE_NOT_FOUND) return undefined
    throw error
  }
}
