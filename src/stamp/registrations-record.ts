import type { Registration } from '../domain/registration.ts'
import { parseRegistration } from '../domain/registration-parse.ts'
import type { Bucket } from '../links/bucket.ts'

/** What is kept of one integration. */
export interface RegistrationEntry {
  readonly registration: Registration
  /** Whether it had pinged since its registration or its subscriptions last changed. */
  readonly hadPinged: boolean
}

/**
 * The lasting record of a stamp's registrations. Written one after the other, so that what is forgotten
 * last stays forgotten; each write brings what holds by then.
 */
export class RegistrationsRecord {
  readonly #bucket: Bucket<RegistrationEntry>
  readonly #current: (id: string) => RegistrationEntry | undefined
  readonly #onTrouble: (error: unknown) => void
  readonly #due = new Set<string>()
  #writing: Promise<void> | undefined

  /** `current` tells what is to be kept of an integration now; undefined where it is gone. */
  constructor(
    bucket: Bucket<RegistrationEntry>,
    current: (id: string) => RegistrationEntry | undefined,
    onTrouble: (error: unknown) => void,
  ) {
    this.#bucket = bucket
    this.#current = current
    this.#onTrouble = onTrouble
  }

  /** What earlier agents wrote. What cannot be read is left out. */
  async load(): Promise<readonly RegistrationEntry[]> {
    const entries: RegistrationEntry[] = []
    for (const { value } of await this.#bucket.load('>')) {
      // Of a version that keeps something else, perhaps.
      const { registration, hadPinged } = (value ?? {}) as Partial<RegistrationEntry>
      const parsed = parseRegistration(registration)
      if (!parsed.ok || parsed.value.id === '') continue
      entries.push({ registration: parsed.value, hadPinged: hadPinged === true })
    }
    return entries
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
        const entry = this.#current(id)
        if (entry === undefined) await this.#bucket.forget(id)
        else await this.#bucket.put(id, entry)
      } catch (error) {
        this.#due.add(id)
        this.#onTrouble(error)
        break
      }
    }
    this.#writing = undefined
  }
}
