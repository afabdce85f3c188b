import type { Registration } from '../domain/registration.ts'
import type { Bucket } from '../links/bucket.ts'

/**
 * The lasting record of a stamp's registrations. Written one after the other, so that what is forgotten
 * last stays forgotten; each write brings what holds by then.
 */
export class RegistrationsRecord {
  readonly #bucket: Bucket<Registration>
  readonly #current: (id: string) => Registration | undefined
  readonly #onTrouble: (error: unknown) => void
  readonly #due = new Set<string>()
  #writing: Promise<void> | undefined

  /** `current` tells what a registration is now; undefined where it is gone. */
  constructor(
    bucket: Bucket<Registration>,
    current: (id: string) => Registration | undefined,
    onTrouble: (error: unknown) => void,
  ) {
    this.#bucket = bucket
    this.#current = current
    this.#onTrouble = onTrouble
  }

  /** What earlier agents wrote, unchecked. */
  async load(): Promise<readonly unknown[]> {
    return (await this.#bucket.load('>')).map(({ value }) => value)
  }

  /**
   * Brings the record of a registration up to date. Resolves after one try, never rejects: where the
   * server is away, it is written with the next one, or with `flush`.
   */
  write(id: string): Promise<void> {
    this.#due.add(id)
    return this.flush()
  }

  /** Writes what could not be written before. */
  flush(): Promise<void> {
    this.#writing ??= this.#write()
    return this.#writing
  }

  async #write(): Promise<void> {
    // What becomes due meanwhile is reached too: a set is walked in the order of its additions.
    for (const id of this.#due) {
      this.#due.delete(id)
      try {
        const registration = this.#current(id)
        if (registration === undefined) await this.#bucket.forget(id)
        else await this.#bucket.put(id, registration)
      } catch (error) {
        this.#due.add(id)
        this.#onTrouble(error)
        break
      }
    }
    this.#writing = undefined
  }
}
