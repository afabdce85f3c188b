import { durableName, storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { directionPattern, linkPattern } from '../domain/subject.ts'
import type { Stamp } from '../domain/topology.ts'
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import type { Store } from '../links/store.ts'

/** How many consumers are made at once. */
const SLICE = 32
const FROM_THE_FIRST = {
  start: { from: 'all' },
  ackWaitMs: ACK_WAIT_MS,
  maxAckPending: MAX_ACK_PENDING,
} as const

/** The durable consumers of a hub store: one for each stamp, so that a stamp needs no right to create any (DESIGN 4). */
export class StampConsumers {
  readonly #store: Store
  readonly #scope: Scope

  constructor(store: Store, scope: Scope) {
    this.#store = store
    this.#scope = scope
  }

  /** None for those that NATS never reaches. */
  async makeAll(stamps: readonly Stamp[]): Promise<void> {
    const reached = stamps.filter(({ link }) => link !== 'https')
    for (let first = 0; first < reached.length; first += SLICE) {
      const slice = reached.slice(first, first + SLICE)
      await Promise.all(slice.map(({ geo, ring, name }) => this.make({ geo, ring, stamp: name })))
    }
  }

  /** May be called again for one that is there. */
  make(place: Place): Promise<void> {
    return this.#store.ensureConsumer({
      stream: storeNames(this.#scope).down,
      durable: durableName(place.stamp),
      filter: linkPattern(this.#scope, 'down', place),
      ...FROM_THE_FIRST,
    })
  }

  drop(stamp: string): Promise<void> {
    return this.#store.deleteConsumer(storeNames(this.#scope).down, durableName(stamp))
  }

  /** The one that the hub reads the answers with. */
  makeForAnswers(home: string): Promise<void> {
    return this.#store.ensureConsumer({
      stream: storeNames(this.#scope).up,
      durable: durableName(home),
      filter: directionPattern(this.#scope, 'up'),
      ...FROM_THE_FIRST,
    })
  }
}
