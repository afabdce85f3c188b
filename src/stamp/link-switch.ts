import { setMaxListeners } from 'node:events'
import type { LinkState, NatsLook } from '../domain/link-state.ts'
import { firstLinkState, nextLinkState } from '../domain/link-state.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Link, LinkChoice } from './link-choice.ts'

export interface LinkSwitchOptions {
  /** NATS that is not proved for so long, in milliseconds, is gone. */
  readonly failoverAfterMs: number
  /** Whether NATS leads to the hub store now. */
  readonly isNatsProven: () => boolean
  /** By a clock that never goes back, in milliseconds. */
  readonly now: () => number
  readonly log: Log
}

const TICK_MS = 250
const GONE = { isProved: false, isCaughtUp: false } as const

/** Which of its two links a stamp is on. Every agent of the stamp finds that out for itself. */
export class LinkSwitch implements Part, LinkChoice {
  readonly name = 'choice of the link'
  readonly #options: LinkSwitchOptions
  readonly #listeners = new Set<() => void>()
  #state: LinkState
  #last: Link | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: LinkSwitchOptions) {
    this.#options = options
    this.#state = firstLinkState(options.now())
  }

  /** The link that the stamp is on, whether it works at the moment or not. */
  get standing(): Link {
    return this.#state.link
  }

  get link(): Link | undefined {
    return this.standing === 'nats' && !this.#options.isNatsProven() ? undefined : this.standing
  }

  async chosen(signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted()
    const { link } = this
    if (link !== undefined) return link
    // As many events as are under way may wait.
    setMaxListeners(0, signal)
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        forget()
        reject(signal.reason as Error)
      }
      const forget = this.onChange(() => {
        const { link: now } = this
        if (now === undefined) return
        forget()
        signal.removeEventListener('abort', stop)
        resolve(now)
      })
      signal.addEventListener('abort', stop, { once: true })
    })
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  start(): Promise<void> {
    this.#state = firstLinkState(this.#options.now())
    this.#timer = setInterval(() => {
      this.#tell()
      if (!this.#options.isNatsProven()) this.look(GONE)
    }, TICK_MS)
    this.#timer.unref()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearInterval(this.#timer)
    return Promise.resolve()
  }

  /** NATS was looked at. */
  look(look: Omit<NatsLook, 'at'>): void {
    const { failoverAfterMs, now, log } = this.#options
    const before = this.#state
    this.#state = nextLinkState(before, { ...look, at: now() }, failoverAfterMs)
    if (before.link !== this.#state.link) {
      if (this.#state.link === 'https')
        log.warn({ error: gone(failoverAfterMs) }, 'The stamp goes over to HTTPS.')
      else log.info({}, 'The stamp goes back to NATS.')
    }
    this.#tell()
  }

  #tell(): void {
    const { link } = this
    if (link === this.#last) return
    this.#last = link
    for (const listener of this.#listeners) listener()
  }
}

function gone(failoverAfterMs: number): SignetError {
  return new SignetError('SIGNET_LINK_LOST', `NATS is gone for ${failoverAfterMs / 1_000} s.`)
}
