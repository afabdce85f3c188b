import type { LogEntry } from '../domain/error-log.ts'
import { errorLogOf } from '../domain/error-log.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import type { Log } from '../observe/log.ts'

export interface ErrorLogsOptions {
  readonly api: KeptnApi
  /** As of `Enrolment`. */
  readonly prefix: string
  /** Undefined while nothing is registered: there is nobody whose log it would be then. */
  readonly integrationId: () => string | undefined
  readonly flushMs: number
  readonly log: Log
}

/** More than that in a minute is an integration that does nothing else. */
const MOST_WAITING = 1_000

/** Collects what an integration says about its errors, and tells Keptn once a minute (wire 3.5). */
export class ErrorLogs {
  readonly #options: ErrorLogsOptions
  #waiting: LogEntry[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()

  constructor(options: ErrorLogsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#sending = this.#sending.then(() => this.#flush())
    }, this.#options.flushMs)
    this.#timer.unref()
  }

  /** Looks at an event that the integration sent. */
  note(text: string): void {
    const id = this.#options.integrationId()
    const entry = id === undefined ? undefined : errorLogOf(text, id)
    if (entry !== undefined && this.#waiting.length < MOST_WAITING) this.#waiting.push(entry)
  }

  /** Tells what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    await this.#flush()
  }

  async #flush(): Promise<void> {
    const logs = this.#waiting
    if (logs.length === 0) return
    this.#waiting = []
    const { api, prefix, log } = this.#options
    const call = {
      method: 'POST',
      path: `${prefix}/v1/log`,
      body: JSON.stringify({ logs }),
    } as const
    const result = await api.call(call, new AbortController().signal)
    if (result.ok) return
    log.warn({ error: result.error, logs: logs.length }, 'Error logs were not taken; they wait.')
    this.#waiting = [...logs, ...this.#waiting].slice(0, MOST_WAITING)
  }
}
