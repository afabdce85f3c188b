import { parseCanary, writeCanary } from '../domain/canary.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { CANARY_TAIL, linkSubject } from '../domain/subject.ts'
import type { Topology } from '../domain/topology.ts'
import { isSignetError } from '../errors.ts'
import { CanaryAccount } from '../flow/canary-account.ts'
import { CanaryTimer } from '../flow/canary-timer.ts'
import type { Delivery } from '../links/delivery.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'

export interface StampCanariesOptions {
  readonly scope: Scope
  readonly home: { readonly geo: string; readonly stamp: string }
  readonly topology: { readonly current: Topology }
  readonly isOnline: (stamp: string) => boolean
  readonly hubStore: Store
  /** Makes the consumer of a stamp anew that does not hand out what it has. */
  readonly onStalled: (place: Place) => void
  /** To the gateway. */
  readonly publisher: Publisher
  readonly limitMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** How long ago canaries of one stamp came through, in milliseconds. */
export interface StampCanaryAges {
  /** Since one of its own came up. */
  readonly up: number
  /** Since it said that it has heard one of ours. */
  readonly down: number
}

/** What the hub knows of the canaries between it and one stamp. */
interface Line {
  readonly account: CanaryAccount
  /** Where the last one lies in DOWN, until the stamp has heard it. */
  lies: number | undefined
  isSending: boolean
  /** When (`performance.now()`) its consumer was last made anew because it asked for that. */
  remadeAt: number
}

/** The ring in the subject of the hub's own canaries. Home stamps are no targets, whatever ring they are in. */
const OWN_RING = 'home'

/**
 * The canaries of a hub: down to every stamp that is there, of which one at most lies in DOWN for each, and
 * one of its own through UP, so that the hub knows of its consumer there also while all stamps are silent.
 */
export class StampCanaries {
  readonly #options: StampCanariesOptions
  readonly #timer = new CanaryTimer()
  readonly #lines = new Map<string, Line>()
  readonly #down: string
  readonly #up: string
  #isSendingOwn = false

  constructor(options: StampCanariesOptions) {
    this.#options = options
    const { down, up } = storeNames(options.scope)
    this.#down = down
    this.#up = up
  }

  start(): void {
    this.#timer.start(this.#options.limitMs, () => {
      this.#turn()
    })
  }

  stop(): void {
    this.#timer.stop()
  }

  /** A canary came through UP, from a place that may speak or from ours. It is deleted there. */
  take(place: Place, { body, sequence }: Pick<Delivery, 'body' | 'sequence'>): void {
    this.#delete(this.#up, sequence)
    if (place.stamp === this.#options.home.stamp) return
    const canary = parseCanary(Buffer.from(body).toString('utf8'))
    if (canary === undefined) return
    const line = this.#line(place.stamp)
    if (canary.isStalled === true && this.#mayAsk(line)) this.#options.onStalled(place)
    if (!line.account.take(canary, performance.now())) return
    // A newer one may be on its way already; then it is deleted when that is settled.
    if (line.account.unconfirmed === 0) this.#forget(line)
  }

  /** Of the stamps that were heard or written to since this hub began. */
  ages(): ReadonlyMap<string, StampCanaryAges> {
    const now = performance.now()
    return new Map(
      [...this.#lines].map(([stamp, { account }]) => [
        stamp,
        { up: now - account.heardAt, down: now - account.confirmedAt },
      ]),
    )
  }

  /** Sets the gauges of the stamps. */
  observe(): void {
    const { metrics, topology } = this.#options
    const ages = this.ages()
    metrics.stampCanaryAge.clear()
    for (const { name: stamp, geo, ring } of topology.current.stamps) {
      const age = ages.get(stamp)
      if (age === undefined) continue
      metrics.stampCanaryAge.set({ direction: 'up', geo, ring, stamp }, age.up / 1_000)
      metrics.stampCanaryAge.set({ direction: 'down', geo, ring, stamp }, age.down / 1_000)
    }
  }

  #turn(): void {
    const { topology, home, isOnline } = this.#options
    void this.#sendOwn()
    const members = new Set<string>()
    for (const { name: stamp, geo, ring } of topology.current.stamps) {
      if (stamp === home.stamp) continue
      members.add(stamp)
      const line = this.#lines.get(stamp)
      if (isOnline(stamp)) void this.#send({ geo, ring, stamp })
      // It would count as something that waits for the stamp.
      else if (line !== undefined) this.#forget(line)
    }
    for (const stamp of this.#lines.keys()) if (!members.has(stamp)) this.#lines.delete(stamp)
  }

  async #send(place: Place): Promise<void> {
    const line = this.#line(place.stamp)
    if (line.isSending) return
    line.isSending = true
    try {
      const before = line.lies
      line.lies = await this.#store('down', place, writeCanary(line.account.next()))
      if (before !== undefined) this.#delete(this.#down, before)
    } catch (error) {
      this.#refused(error)
    } finally {
      line.isSending = false
    }
  }

  async #sendOwn(): Promise<void> {
    if (this.#isSendingOwn) return
    this.#isSendingOwn = true
    try {
      await this.#store('up', { ...this.#options.home, ring: OWN_RING }, '')
    } catch (error) {
      this.#refused(error)
    } finally {
      this.#isSendingOwn = false
    }
  }

  async #store(direction: 'down' | 'up', place: Place, text: string): Promise<number> {
    const { scope, publisher } = this.#options
    const stored = await publisher.store({
      subject: linkSubject(scope, direction, place, CANARY_TAIL),
      body: Buffer.from(text),
      stream: direction === 'down' ? this.#down : this.#up,
      // Without an id: told twice it says the same, and an id would be remembered for a day.
      headers: {},
    })
    return stored.sequence
  }

  /** A stamp that asks all the time is served as seldom as its own ladder would. */
  #mayAsk(line: Line): boolean {
    const now = performance.now()
    if (now < line.remadeAt + this.#options.limitMs / 2) return false
    line.remadeAt = now
    return true
  }

  #line(stamp: string): Line {
    const known = this.#lines.get(stamp)
    if (known !== undefined) return known
    const account = new CanaryAccount(performance.now())
    const line: Line = { account, lies: undefined, isSending: false, remadeAt: -Infinity }
    this.#lines.set(stamp, line)
    return line
  }

  #forget(line: Line): void {
    if (line.lies !== undefined) this.#delete(this.#down, line.lies)
    line.lies = undefined
  }

  /** What is not deleted ages out. */
  #delete(stream: string, sequence: number): void {
    this.#options.hubStore.deleteMessage(stream, sequence).catch((error: unknown) => {
      this.#options.log.debug({ error, stream }, 'A canary could not be deleted.')
    })
  }

  #refused(error: unknown): void {
    if (!isSignetError(error, 'SIGNET_STOPPED'))
      this.#options.log.warn({ error }, 'A canary was refused.')
  }
}
