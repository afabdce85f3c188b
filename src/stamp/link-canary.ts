import { parseCanary, writeCanary } from '../domain/canary.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { CANARY_TAIL, linkSubject } from '../domain/subject.ts'
import { isSignetError } from '../errors.ts'
import { CanaryAccount } from '../flow/canary-account.ts'
import { CanaryTimer } from '../flow/canary-timer.ts'
import type { Proof } from '../flow/proofs.ts'
import type { Delivery } from '../links/delivery.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Log } from '../observe/log.ts'

export interface LinkCanaryOptions {
  readonly scope: Scope
  readonly place: () => Place
  readonly side: Pick<NatsSide, 'isConnected' | 'upSince' | 'onConnect'>
  /** To the gateway. */
  readonly publisher: Publisher
  /** Whether what comes down is taken at once, and not held up by work. */
  readonly hears: () => boolean
  /** How long it may take until the hub says that it has heard one, in milliseconds. */
  readonly limitMs: number
  readonly log: Log
}

/** So many go unconfirmed at the usual pace; then each comes twice as late as the one before. */
const UNHURRIED = 12
/** The rarest: one in so many turns. While a hub is away for a day, some two hundred lie in its stream. */
const RAREST = 120

/**
 * The canaries of a stamp and one control plane: up through the stream UP to the hub, which deletes them
 * there, and down, as the hub sends them, through DOWN and the stamp's own consumer.
 */
export class LinkCanary implements Proof {
  readonly link = 'gateway'
  readonly direction = 'up'
  readonly #options: LinkCanaryOptions
  readonly #account = new CanaryAccount(performance.now())
  readonly #timer = new CanaryTimer()
  #isSending = false
  #isStalled = false
  #turns = 0
  /** Since when the hub's word is heard. */
  #hearsSince = performance.now()
  #forgetSide: (() => void) | undefined

  constructor(options: LinkCanaryOptions) {
    this.#options = options
  }

  start(): void {
    this.#forgetSide = this.#options.side.onConnect(() => {
      this.#turns = RAREST
    })
    this.#timer.start(this.#options.limitMs, () => void this.#turn())
  }

  stop(): void {
    this.#timer.stop()
    this.#forgetSide?.()
  }

  /** A canary of the hub came. */
  take({ body }: Pick<Delivery, 'body'>): void {
    const canary = parseCanary(Buffer.from(body).toString('utf8'))
    if (canary !== undefined) this.#account.take(canary, performance.now())
  }

  /** Asks the hub to make this stamp's consumer anew; resolves when that is on its way. */
  async askForConsumer(): Promise<void> {
    this.#isStalled = true
    await this.#send()
  }

  /** How long ago the hub said that it has heard one of ours, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#account.confirmedAt
  }

  /** Why it counts as broken, or undefined. */
  get trouble(): string | undefined {
    const { side, limitMs, scope, hears } = this.#options
    if (!side.isConnected || !hears()) return undefined
    const { confirmedAt } = this.#account
    const quietMs = performance.now() - Math.max(confirmedAt, side.upSince, this.#hearsSince)
    if (quietMs < limitMs) return undefined
    const seconds = Math.round(quietMs / 1_000)
    return `the hub of ${scope.controlPlane} has heard no canary of ours for ${seconds} s`
  }

  async #turn(): Promise<void> {
    this.#turns += 1
    if (!this.#options.hears()) this.#hearsSince = performance.now()
    if (this.#turns >= turnsBetween(this.#account.unconfirmed)) await this.#send()
  }

  /** One at a time: while the store cannot be reached, one waits. */
  async #send(): Promise<void> {
    if (this.#isSending) return
    this.#isSending = true
    this.#turns = 0
    const isStalled = this.#isStalled
    this.#isStalled = false
    const { scope, place, publisher, log } = this.#options
    try {
      await publisher.store({
        subject: linkSubject(scope, 'up', place(), CANARY_TAIL),
        body: Buffer.from(writeCanary({ ...this.#account.next(), isStalled })),
        stream: storeNames(scope).up,
        // Without an id: told twice it says the same, and an id would be remembered for a day.
        headers: {},
      })
    } catch (error) {
      if (!isSignetError(error, 'SIGNET_STOPPED')) log.warn({ error }, 'A canary was refused.')
    } finally {
      this.#isSending = false
    }
  }
}

function turnsBetween(unconfirmed: number): number {
  return unconfirmed < UNHURRIED ? 1 : Math.min(RAREST, 2 ** (unconfirmed - UNHURRIED + 1))
}
