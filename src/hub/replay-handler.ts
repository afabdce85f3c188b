import type { KeptnEvent } from '../domain/event.ts'
import { isWrappedAnswer } from '../domain/https-answer.ts'
import type { Replay, ReplayedEvent, ReplayOutcome, ReplayProgress } from '../domain/replay.ts'
import { durableName, KEPTN_STREAM } from '../domain/store-names.ts'
import type { Stamp } from '../domain/topology.ts'
import { isSignetError, SignetError } from '../errors.ts'
import { parseDelivery } from '../flow/parse-delivery.ts'
import { parsePath, PATH, RUN } from '../links/header-names.ts'
import type { StoredMessage } from '../links/store.ts'
import { scanStream } from '../links/stream-scan.ts'
import { Turnstile } from '../runtime/turnstile.ts'
import type { ControlCall, ControlHandler } from './control-handler.ts'
import { controlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'
import { decide } from './put-back.ts'
import { outgoingOf } from './route-pump.ts'

interface ReplayArgs {
  readonly context: string | undefined
  readonly sinceMs: number
  readonly to: string
  readonly dryRun: boolean
  /** Absent: what the stamp has is not delivered again. */
  readonly run: string | undefined
}

const DAY_MS = 24 * 3_600_000
const MOST_BACK_MS = 3_650 * DAY_MS
/** So many are looked at in one replay; more want a shorter time. */
const MOST_EVENTS = 200_000
const MOST_TOLD = 1_000

/** `replay`: sends a stamp again what Keptn said (DESIGN 8). One at a time. */
export function replayHandler(parts: HubParts): ControlHandler {
  const turnstile = new Turnstile(1)
  return controlHandler<ReplayArgs>({
    verb: 'replay',
    changes: true,
    read: (args) => ({
      context: args.optionalText('context', 256),
      sinceMs: args.optionalWhole('sinceMs', 1, MOST_BACK_MS) ?? 7 * DAY_MS,
      to: args.text('to', 63),
      dryRun: args.flag('dryRun'),
      run: args.optionalText('run', 32),
    }),
    handle: (args, call) =>
      turnstile.pass(call.signal, () => new Replaying(parts, args, call).replay()),
  })
}

class Replaying {
  readonly #parts: HubParts
  readonly #args: ReplayArgs
  readonly #call: ControlCall
  readonly #counts: Partial<Record<ReplayOutcome, number>> = {}
  readonly #told: ReplayedEvent[] = []
  #scanned = 0
  #truncated = false

  constructor(parts: HubParts, args: ReplayArgs, call: ControlCall) {
    this.#parts = parts
    this.#args = args
    this.#call = call
  }

  async replay(): Promise<Replay> {
    const { to, dryRun, sinceMs } = this.#args
    const stamp = this.#stamp()
    const since = this.#parts.now() - sinceMs
    const sequences = await this.#find(since)
    const routed = await this.#routedUpTo()
    // One after the other: order within a context is that of Keptn's stream.
    for (const [index, sequence] of sequences.entries()) {
      this.#call.signal.throwIfAborted()
      const message = await this.#parts.keptnStore.message(KEPTN_STREAM, sequence)
      if (message !== undefined) await this.#one(stamp, message, sequence > routed)
      this.#progress(index + 1, sequences.length)
    }
    return {
      to,
      dryRun,
      since: new Date(since).toISOString(),
      scanned: this.#scanned,
      counts: this.#counts,
      events: this.#told,
      truncated: this.#truncated,
    }
  }

  #stamp(): Stamp {
    const { to } = this.#args
    const { stamps } = this.#parts.topology.current
    const stamp = stamps.find(({ name }) => name === to)
    if (stamp === undefined)
      throw new SignetError(
        'SIGNET_UNKNOWN_ID',
        `There is no stamp "${to}"; there are ${stamps.map(({ name }) => name).join(', ')}.`,
      )
    if (stamp.link !== 'https') return stamp
    const why = `Stamp ${to} has the link https: it polls Keptn's API for what is open, and nothing can be sent to it.`
    throw new SignetError('SIGNET_USAGE', why)
  }

  /** Where the events that are meant lie in Keptn's stream, in order. */
  async #find(since: number): Promise<readonly number[]> {
    const { context } = this.#args
    const needle =
      context === undefined ? undefined : Buffer.from(JSON.stringify(context).slice(1, -1))
    const found: number[] = []
    await scanStream({
      store: this.#parts.keptnStore,
      stream: KEPTN_STREAM,
      since,
      signal: this.#call.signal,
      visit: ({ body, sequence }) => {
        this.#scanned += 1
        if (
          needle !== undefined &&
          !Buffer.from(body.buffer, body.byteOffset, body.length).includes(needle)
        )
          return
        found.push(sequence)
        this.#progress(0, found.length)
      },
    })
    if (found.length <= MOST_EVENTS) return found
    throw new SignetError(
      'SIGNET_USAGE',
      `That is ${found.length} events, and ${MOST_EVENTS} go at once: ask for a shorter time, or for one context.`,
    )
  }

  /** What lies behind this the hub has not routed: it gets there by itself, and opens its own fan-outs. */
  async #routedUpTo(): Promise<number> {
    const { keptnStore, controlPlane } = this.#parts
    const state = await keptnStore.consumer(KEPTN_STREAM, durableName(controlPlane.home.stamp))
    return state?.ackFloor ?? 0
  }

  async #one(stamp: Stamp, message: StoredMessage, isOnItsWay: boolean): Promise<void> {
    const parsed = parseDelivery(message, message.subject)
    if (!parsed.ok) {
      this.#count('malformed')
      return
    }
    const { event } = parsed
    const { context } = this.#args
    if (context !== undefined && event.context !== context) return
    const outcome = isOnItsWay
      ? { outcome: 'on-its-way' as const }
      : await this.#send(stamp, message, event)
    this.#count(outcome.outcome)
    if (outcome.outcome === 'not-for-it') return
    if (this.#told.length >= MOST_TOLD) {
      this.#truncated = true
      return
    }
    this.#told.push({
      id: event.id,
      type: event.type,
      context: event.context,
      at: new Date(message.storedAt).toISOString(),
      sequence: message.sequence,
      ...outcome,
    })
  }

  async #send(
    stamp: Stamp,
    message: StoredMessage,
    event: KeptnEvent,
  ): Promise<{ readonly outcome: ReplayOutcome; readonly redacted?: readonly string[] }> {
    const { fanOuts, copies, border } = this.#parts
    const { dryRun, run } = this.#args
    if (isWrappedAnswer(event)) return { outcome: 'not-for-it' }
    const path = parsePath(message.header(PATH))
    const open = fanOuts.find(event.id)?.head.targets
    const decision = decide(this.#parts, event, path)
    const isTarget =
      decision.kind !== 'local' && decision.targets.some((it) => it.stamp.name === stamp.name)
    const isTask = event.parsedType.shape === 'task' && event.parsedType.kind === 'triggered'
    if (open !== undefined) {
      if (!open.some((it) => it.stamp === stamp.name && it.given === 'sent'))
        return { outcome: 'not-asked' }
    } else if (!isTarget) return { outcome: 'not-for-it' }
    else if (decision.kind === 'fan-out' && decision.policy.select === 'one')
      return { outcome: 'one-stamp-task' }
    const place = { geo: stamp.geo, ring: stamp.ring, stamp: stamp.name }
    const outgoing = outgoingOf(message, event, path, isTask)
    const crossed = copies.crossed(outgoing, place)
    if (crossed.kind === 'refused') {
      if (!dryRun) border.count('down', 'replay')
      return { outcome: 'residency' }
    }
    const edits = crossed.redacted.length === 0 ? {} : { redacted: crossed.redacted }
    if (dryRun) return { outcome: 'sent', ...edits }
    // Before its copy: what the stamp answers to a task that is over must not reach Keptn (wire 6.2).
    if (isTask && open === undefined) await fanOuts.closed(event.id)
    const again =
      run === undefined
        ? { id: ':replay', headers: {} }
        : { id: `:replay-${run}`, headers: { [RUN]: run } }
    try {
      const { duplicate, tries } = await copies.store(outgoing, place, again)
      return { outcome: duplicate && tries === 1 ? 'sent-before' : 'sent', ...edits }
    } catch (error) {
      if (isSignetError(error, 'SIGNET_TOO_LARGE')) return { outcome: 'oversize' }
      throw error
    }
  }

  #count(outcome: ReplayOutcome): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1
    if (!this.#args.dryRun) this.#parts.metrics.replayed.inc({ result: outcome })
  }

  #progress(done: number, all: number): void {
    this.#call.progress({ scanned: this.#scanned, done, all } satisfies ReplayProgress)
  }
}
