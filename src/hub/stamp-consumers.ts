import { durableName, storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { directionPattern, linkPattern } from '../domain/subject.ts'
import type { Stamp } from '../domain/topology.ts'
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import { windowBack } from '../flow/resume.ts'
import type { ConsumerStart } from '../links/consumer-config.ts'
import type { Store } from '../links/store.ts'

/** How many consumers are made at once. */
const SLICE = 32

export interface StampConsumersOptions {
  readonly store: Store
  readonly scope: Scope
  /** The duplicate window of the stamps, in milliseconds. */
  readonly dedupeWindowMs: number
}

const SETTINGS = {
  ackWaitMs: ACK_WAIT_MS,
  maxAckPending: MAX_ACK_PENDING,
} as const

/** The durable consumers of a hub store: one for each stamp, so that a stamp needs no right to create any (DESIGN 4). */
export class StampConsumers {
  readonly #options: StampConsumersOptions
  readonly #down: string

  constructor(options: StampConsumersOptions) {
    this.#options = options
    this.#down = storeNames(options.scope).down
  }

  /** None for those that NATS never reaches. */
  async makeAll(stamps: readonly Stamp[]): Promise<void> {
    const reached = stamps.filter(({ link }) => link !== 'https')
    for (let first = 0; first < reached.length; first += SLICE) {
      const slice = reached.slice(first, first + SLICE)
      await Promise.all(slice.map(({ geo, ring, name }) => this.make({ geo, ring, stamp: name })))
    }
  }

  /**
   * May be called again for one that is there. One that is not begins at `start`; by default with what a
   * stamp would know again if it had it already: somebody may have deleted its consumer.
   */
  make(place: Place, start?: () => Promise<ConsumerStart>): Promise<void> {
    const { store, scope, dedupeWindowMs } = this.#options
    return store.ensureConsumer({
      stream: this.#down,
      durable: durableName(place.stamp),
      filter: linkPattern(scope, 'down', place),
      start: start ?? (() => windowBack(store, this.#down, dedupeWindowMs)),
      ...SETTINGS,
    })
  }

  drop(stamp: string): Promise<void> {
    return this.#options.store.deleteConsumer(this.#down, durableName(stamp))
  }

  /** The one that the hub reads the answers with, to begin at `start`. */
  makeForAnswers(home: string, start: () => Promise<ConsumerStart>): Promise<void> {
    const { store, scope } = this.#options
    return store.ensureConsumer({
      stream: storeNames(scope).up,
      durable: durableName(home),
      filter: directionPattern(scope, 'up'),
      start,
      ...SETTINGS,
    })
  }
}
