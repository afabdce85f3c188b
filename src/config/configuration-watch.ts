import type { ConfigurationFiles } from './configuration.ts'
import { FolderWatch } from './folder-watch.ts'

export interface ConfigurationWatchOptions {
  /** What is known already. */
  readonly files: ConfigurationFiles
  readonly read: () => Promise<ConfigurationFiles>
  /** Told what the files say now: because that is news, or because somebody asked. */
  readonly onFound: (files: ConfigurationFiles, isAsked: boolean) => Promise<void>
  readonly onError: (error: unknown) => void
  /** How often (ms) to look without being told that anything changed. */
  readonly pollMs?: number
  /** For how long (ms) the files must stand still before they count. */
  readonly settleMs?: number
}

/** Where the system tells of changes, they are noticed at once; over a network file system after this. */
const POLL_MS = 10_000
const SETTLE_MS = 300

/**
 * Looks at the files of an agent when the system tells of a change, when it is asked to, and from time to
 * time. What it finds counts once it has been the same for a moment, for files are not saved all at once;
 * it compares what they say, not their times, which may be anything after a swap of links.
 */
export class ConfigurationWatch {
  readonly #options: ConfigurationWatchOptions
  readonly #watch: FolderWatch
  readonly #stopping = new AbortController()
  #seen: string
  #isAsked = false
  /** Something may have changed since the last look began. */
  #isStale = true
  #wake: (() => void) | undefined
  #loop: Promise<void> | undefined

  constructor(options: ConfigurationWatchOptions) {
    this.#options = options
    this.#seen = options.files.print
    this.#watch = new FolderWatch(() => {
      this.#look()
    })
  }

  start(): void {
    this.#loop = this.#run()
  }

  /** Looks now, and tells what it finds even if it is no news. */
  ask(): void {
    this.#isAsked = true
    this.#look()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake?.()
    this.#watch.close()
    await this.#loop
  }

  #look(): void {
    this.#isStale = true
    this.#wake?.()
  }

  async #run(): Promise<void> {
    const { files, pollMs = POLL_MS, settleMs = SETTLE_MS, onError } = this.#options
    const { signal } = this.#stopping
    await this.#watch.follow(files.watched)
    while (!signal.aborted) {
      this.#isStale = false
      try {
        await this.#lookOnce(settleMs)
      } catch (error) {
        onError(error)
      }
      // Folders in which much happens that is none of our business must not keep us reading.
      await this.#pause(settleMs)
      if (!this.#isStale) await this.#pause(Math.max(0, pollMs - settleMs), true)
    }
  }

  async #lookOnce(settleMs: number): Promise<void> {
    const { read, onFound } = this.#options
    let found = await read()
    while (found.print !== this.#seen && !this.#stopping.signal.aborted) {
      await this.#pause(settleMs)
      const again = await read()
      if (again.print === found.print) break
      found = again
    }
    const isAsked = this.#isAsked
    const isNews = found.print !== this.#seen
    if (this.#stopping.signal.aborted || (!isNews && !isAsked)) return
    this.#isAsked = false
    this.#seen = found.print
    await this.#watch.follow(found.watched)
    await onFound(found, isAsked)
  }

  /** Until the time is over; or until there is something to look at, where that counts. */
  async #pause(ms: number, mayWake = false): Promise<void> {
    if (this.#stopping.signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        if (!mayWake && !this.#stopping.signal.aborted) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}
