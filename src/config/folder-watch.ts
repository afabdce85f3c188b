import type { FSWatcher } from 'node:fs'
import { watch } from 'node:fs'
import { stat } from 'node:fs/promises'

/** A folder in which changes count: all of them, or those of some names. */
export interface Watched {
  readonly folder: string
  readonly names?: readonly string[]
}

/**
 * Calls back when something changes in some folders. A hint, no more: network file systems do not tell,
 * and there may be no watch left to be had, so whoever needs to know looks from time to time as well.
 */
export class FolderWatch {
  readonly #onChange: () => void
  /** By the name of the folder, and the folder that it really was. */
  readonly #watchers = new Map<string, FSWatcher>()
  #isClosed = false

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Watches these folders and no others; those that are links, where they lead to now. */
  async follow(wanted: readonly Watched[]): Promise<void> {
    const found = new Map<string, Watched>()
    for (const watched of wanted) {
      // One that is not there may come: its parent is watched.
      const real = await stat(watched.folder).catch(() => undefined)
      if (real !== undefined) found.set(`${watched.folder} ${real.dev}:${real.ino}`, watched)
    }
    if (this.#isClosed) return
    for (const [key, watcher] of this.#watchers) {
      if (found.has(key)) continue
      watcher.close()
      this.#watchers.delete(key)
    }
    for (const [key, watched] of found) if (!this.#watchers.has(key)) this.#watch(key, watched)
  }

  close(): void {
    this.#isClosed = true
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #watch(key: string, { folder, names }: Watched): void {
    const forget = (): void => {
      this.#watchers.get(key)?.close()
      this.#watchers.delete(key)
    }
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (names === undefined || name === null || names.includes(name)) this.#onChange()
      })
      watcher.on('error', forget)
      this.#watchers.set(key, watcher)
    } catch {
      // No watch to be had: the looks from time to time must do.
    }
  }
}
