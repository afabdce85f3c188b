import type { Registration } from '../domain/registration.ts'
import { seenStamps } from '../domain/stamp-registrations.ts'
import type { Stamp } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { StampRegistry } from './stamp-registry.ts'

export interface HttpsStampsOptions {
  /** All integrations that Keptn knows; rejects where it does not tell. */
  readonly list: () => Promise<{
    readonly registrations: readonly Registration[]
    readonly clockMs: number
  }>
  readonly topology: TopologySource
  readonly registry: StampRegistry
  readonly intervalMs: number
  /** Stamps are reached by another link than before. */
  readonly onChange: () => void
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/**
 * Stamps that poll cannot say of themselves that they are there, and what they want: NATS is forbidden there,
 * or gone. Keptn has it from them, so it is asked, while there are such stamps and at no other time.
 */
export class HttpsStamps {
  readonly #options: HttpsStampsOptions
  readonly #stopping = new AbortController()
  #polling = ''
  #isSilent = false
  #loop: Promise<void> | undefined

  constructor(options: HttpsStampsOptions) {
    this.#options = options
  }

  /** Asks once, then again and again. Resolves when the first answer is taken in, or has not come. */
  async start(): Promise<void> {
    await this.#look()
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The hub stops.'))
    await this.#loop
  }

  async #run(): Promise<void> {
    const { intervalMs } = this.#options
    const { signal } = this.#stopping
    for (;;) {
      await sleep(intervalMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { topology, registry, onChange } = this.#options
    const polling = topology.current.stamps.filter((stamp) => polls(stamp, registry))
    if (polling.length > 0) await this.#read()
    const names = polling.map(({ name }) => name).join()
    // Nobody says that NATS has lost a stamp; those that wait for it are to be told in another way.
    if (names !== this.#polling) onChange()
    this.#polling = names
  }

  async #read(): Promise<void> {
    const { list, registry, now, log, metrics } = this.#options
    try {
      const { registrations, clockMs } = await list()
      registry.readKeptn(seenStamps(registrations, clockMs, now()))
      if (this.#isSilent) log.info({}, 'Keptn tells of integrations again.')
      this.#isSilent = false
    } catch (error) {
      metrics.stampChecksFailed.inc()
      if (!this.#isSilent)
        log.warn(
          { error },
          'Keptn does not tell of integrations: what is known of stamps grows old.',
        )
      this.#isSilent = true
    }
  }
}

function polls({ name, link }: Stamp, registry: StampRegistry): boolean {
  return link === 'https' || (link === 'auto' && !registry.isOnNats(name))
}
