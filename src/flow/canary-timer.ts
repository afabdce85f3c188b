/** Canaries for each limit: a few may be late before anybody worries. */
const CANARIES = 6

/** Calls `send` now, and then as often as canaries go out for a limit (ms), until it is stopped. */
export class CanaryTimer {
  #timer: NodeJS.Timeout | undefined

  start(limitMs: number, send: () => void): void {
    send()
    this.#timer = setInterval(send, limitMs / CANARIES)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
