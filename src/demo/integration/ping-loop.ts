import { setTimeout as sleep } from 'node:timers/promises'
import type { Subscription } from '../keptn/registration.ts'
import type { UniformAccess } from './uniform-client.ts'
import { ping } from './uniform-client.ts'

/** How often a ping is tried before the integration gives up (wire 2.3). */
const maxTries = 10

type Update = (subscriptions: readonly Subscription[]) => Promise<void>

/** Keeps a registration alive, and brings the subscriptions that the control plane has for it. */
export class PingLoop {
  readonly #access: UniformAccess
  readonly #id: string
  readonly #pingMs: number
  readonly #pingRetryMs: number
  readonly #stopped = new AbortController()

  constructor(
    access: UniformAccess,
    id: string,
    options: { readonly pingMs: number; readonly pingRetryMs: number },
  ) {
    this.#access = access
    this.#id = id
    this.#pingMs = options.pingMs
    this.#pingRetryMs = options.pingRetryMs
  }

  /** One ping of up to ten tries. Throws the last failure. */
  async once(update: Update): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const subscriptions = await ping(this.#access, this.#id)
        if (!this.#stopped.signal.aborted) await update(subscriptions)
        return
      } catch (error) {
        if (attempt === maxTries) throw error
        await this.#pause(this.#pingRetryMs)
      }
    }
  }

  /** Pings until stopped, or until a ping has failed for good: then `giveUp` is called, once. */
  async run(update: Update, giveUp: (reason: string) => Promise<void>): Promise<void> {
    try {
      for (;;) {
        await this.#pause(this.#pingMs)
        await this.once(update)
      }
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      const last = error instanceof Error ? error.message : String(error)
      await giveUp(`maximum number of ping retries exceeded: ${last}`)
    }
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal })
  }
}
