import type { Part } from './lifecycle.ts'

/**
 * Parts that can be started only when something has come that may be long in coming, such as the first connection
 * to a gateway. Nothing else waits for them: where it has not come yet, they are started in their order when it does.
 */
export class DeferredParts implements Part {
  readonly #parts: readonly Part[]
  readonly #ready: Promise<void>
  readonly #onTrouble: (error: unknown) => void
  readonly #stopping = new AbortController()
  readonly #begun: Part[] = []
  #name: string
  #starting: Promise<void> | undefined

  constructor(
    name: string,
    parts: readonly Part[],
    ready: Promise<void>,
    onTrouble: (error: unknown) => void,
  ) {
    this.#name = name
    this.#parts = parts
    this.#ready = ready
    this.#onTrouble = onTrouble
  }

  get name(): string {
    return this.#name
  }

  /** Resolves at once. */
  start(): Promise<void> {
    this.#starting = this.#ready.then(() => this.#start()).catch(this.#onTrouble)
    return Promise.resolve()
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort()
    // Without it nothing was begun, and there is nothing to wait for.
    if (this.#begun.length > 0) await this.#starting
    for (const part of this.#begun.toReversed()) {
      this.#name = part.name
      await part.stop(signal)
    }
  }

  async #start(): Promise<void> {
    for (const part of this.#parts) {
      if (this.#stopping.signal.aborted) return
      this.#begun.push(part)
      await part.start(this.#stopping.signal)
    }
  }
}
