import type { HealingStep, Ladder } from '../domain/healing.ts'
import { climb, ON_THE_GROUND } from '../domain/healing.ts'
import { SignetError } from '../errors.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Right } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Pump } from '../runtime/pump.ts'
import type { DurableReader } from './durable-reader.ts'
import type { Proof } from './proofs.ts'

export interface ConsumerWatchOptions {
  /** `down` or `up`, as an event goes. */
  readonly direction: 'down' | 'up'
  readonly pump: Pick<Pump, 'waitsSince' | 'takenAt' | 'isReading' | 'reopen'>
  readonly reader: DurableReader
  readonly side: Pick<NatsSide, 'name' | 'isConnected' | 'upSince' | 'reconnect'>
  /** What is to be done when nothing comes, in order. */
  readonly steps: readonly HealingStep[]
  /** Whether canaries come; else it is proof enough that the server has nothing to hand out. */
  readonly hasCanaries: boolean
  /** How long nothing may come, in milliseconds. */
  readonly limitMs: number
  readonly right: Right
  /** How the consumer is made anew, where that is somebody else's; default: by the reader. */
  readonly remake?: () => Promise<void>
  /** Called for the step `link`. */
  readonly onHopeless?: () => void
  readonly log: Log
  readonly metrics: Metrics
}

/** What the server says of a consumer through which nothing comes. */
type Seen =
  /** It has nothing to hand out: whoever should send something is silent. */
  | 'nothing-waits'
  /** It has, and nothing comes. */
  | 'stalled'
  | 'missing'
  /** The server does not answer in time, though it is connected. */
  | 'unanswered'
  /** There is no JetStream behind the connection, which no step of ours can mend. */
  | 'store-away'

/** Looks and ticks for each limit. */
const LOOKS = 6
const TICKS = 30
/** Even if the limit is short, a server has so long to answer, in milliseconds. */
const LEAST_ANSWER_MS = 1_000

/**
 * Watches that something comes through a consumer (DESIGN 7.12), and climbs the ladder where nothing does,
 * though the server has something to hand out. It judges only while the pump has nothing to do but to wait
 * and the side is connected: what is held up by work, or by an outage that everybody knows of, is no stall.
 * No step loses or doubles anything: what was taken is worked off, and all else comes again.
 */
export class ConsumerWatch implements Proof {
  readonly #options: ConsumerWatchOptions
  readonly #begunAt = performance.now()
  #provenAt = this.#begunAt
  #ladder: Ladder = ON_THE_GROUND
  #climbedAt = 0
  #lookAt = 0
  #isLooking = false
  #seen: Seen | undefined
  #ticker: NodeJS.Timeout | undefined

  constructor(options: ConsumerWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#ticker = setInterval(() => {
      this.#tick(performance.now())
    }, this.#options.limitMs / TICKS)
    this.#ticker.unref()
  }

  stop(): void {
    clearInterval(this.#ticker)
  }

  /** How long ago something came, in milliseconds. */
  get ageMs(): number {
    this.#note()
    return performance.now() - this.#provenAt
  }

  get link(): string {
    return this.#options.side.name
  }

  get direction(): 'down' | 'up' {
    return this.#options.direction
  }

  /** Why the link counts as broken, or undefined. */
  get trouble(): string | undefined {
    const { direction, side, limitMs, pump, right } = this.#options
    const quietMs = this.#quietMs(performance.now())
    // Why it cannot be opened the pump says itself, and why it may not be read the lease.
    if (quietMs < limitMs || !pump.isReading || right.leftMs <= 0) return undefined
    const seconds = Math.round(quietMs / 1_000)
    return `nothing came ${direction} by the ${side.name} NATS for ${seconds} s: ${WORDS[this.#seen ?? 'stalled']}`
  }

  /** What is taken, and what is held up by nothing but our own work, proves it. */
  #note(): void {
    const { pump } = this.#options
    if (pump.waitsSince !== undefined || !pump.isReading)
      this.#provenAt = Math.max(this.#provenAt, pump.takenAt)
    else this.#provenAt = performance.now()
  }

  /** For how long nothing has come though it should. */
  #quietMs(now: number): number {
    this.#note()
    const { side, pump } = this.#options
    if (!side.isConnected) return 0
    // One that has just been opened is given time.
    return now - Math.max(this.#provenAt, side.upSince, pump.waitsSince ?? 0)
  }

  #tick(now: number): void {
    const { limitMs, log, side, direction } = this.#options
    this.#note()
    if (this.#ladder.taken > 0 && this.#provenAt > this.#climbedAt) {
      log.info({ link: side.name, direction }, 'A link that was silent brings something again.')
      this.#ladder = ON_THE_GROUND
    }
    if (this.#isLooking || now < this.#lookAt || !side.isConnected) return
    this.#lookAt = now + limitMs / LOOKS
    this.#isLooking = true
    void this.#look().finally(() => {
      this.#isLooking = false
    })
  }

  async #look(): Promise<void> {
    const { limitMs, hasCanaries } = this.#options
    const answered = new AbortController()
    const mostMs = Math.max(LEAST_ANSWER_MS, limitMs / LOOKS)
    const late = sleep(mostMs, answered.signal).then(
      () => 'unanswered' as const,
      () => 'unanswered' as const,
    )
    this.#seen = await Promise.race([this.#ask(), late])
    // Not left to run: it would hold the process up.
    answered.abort()
    if (this.#seen === 'nothing-waits' && !hasCanaries) this.#provenAt = performance.now()
    const now = performance.now()
    const quietMs = this.#quietMs(now)
    if (quietMs < limitMs) return
    await this.#climb(this.#seen, quietMs, now)
  }

  async #ask(): Promise<Seen> {
    const { reader } = this.#options
    try {
      const state = await reader.look()
      if (state === undefined) return 'missing'
      const isLost = state.unacknowledged > 0 && state.deliveries > reader.handedOut
      return state.pending > 0 || isLost ? 'stalled' : 'nothing-waits'
    } catch (error) {
      return isTimeout(error) ? 'unanswered' : 'store-away'
    }
  }

  async #climb(seen: Seen, quietMs: number, now: number): Promise<void> {
    const { pump, steps, right, limitMs, side, direction, log, metrics } = this.#options
    // Whoever opens a consumer waits on purpose for what was handed out to come again.
    if (!pump.isReading && seen === 'stalled') return
    const mayRead = right.leftMs > 0
    if (!mayRead && seen !== 'unanswered') return
    // Without the lease, which may be behind the same connection, nothing is read or made.
    const fit = steps.filter((step) => FIT[seen].has(step) && (mayRead || step === 'connection'))
    const next = climb(this.#ladder, fit, limitMs, now)
    if (next === undefined) return
    this.#ladder = next.ladder
    this.#climbedAt = now
    const { step } = next
    const facts = { link: side.name, direction, seen, step, quietSeconds: quietMs / 1_000 }
    log.warn(facts, 'Nothing comes through a link that is connected.')
    metrics.healing.inc({ link: side.name, direction, reason: seen, result: step })
    try {
      await this.#take(step)
    } catch (error) {
      log.debug({ error, ...facts }, 'A step to heal a link failed.')
    }
  }

  async #take(step: HealingStep): Promise<void> {
    const { pump, reader, side, remake = () => reader.remake(), onHopeless } = this.#options
    if (step === 'link') onHopeless?.()
    else if (step === 'connection') await side.reconnect()
    else {
      if (step === 'consumer') await remake()
      pump.reopen(new SignetError('SIGNET_LINK_LOST', 'Nothing came through the consumer.'))
    }
  }
}

const ALL: readonly HealingStep[] = ['pull', 'consumer', 'connection', 'link']
/** The steps that may help. */
const FIT: Readonly<Record<Seen, ReadonlySet<HealingStep>>> = {
  'nothing-waits': new Set(),
  stalled: new Set(ALL),
  missing: new Set(['pull', 'consumer']),
  // Who does not answer makes no consumer.
  unanswered: new Set(['pull', 'connection', 'link']),
  'store-away': new Set(),
}

const WORDS: Readonly<Record<Seen, string>> = {
  'nothing-waits': 'the server has nothing for us, so nobody sends',
  stalled: 'the server has something for us',
  missing: 'its consumer is gone',
  unanswered: 'the server is connected and does not answer',
  'store-away': 'its JetStream is away',
}

function isTimeout(error: unknown): boolean {
  return (
    error instanceof Error && error.cause instanceof Error && error.cause.name === 'TimeoutError'
  )
}
