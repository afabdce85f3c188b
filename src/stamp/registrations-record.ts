import type { EntryChange, RegistrationEntry } from '../domain/registration-entry.ts'
import { parseEntry } from '../domain/registration-entry.ts'
import { SignetError } from '../errors.ts'
import type { Bucket, BucketWatch, Entry } from '../links/bucket.ts'
import { sleep } from '../runtime/clock.ts'
import { untilDone } from '../runtime/retry.ts'

/** What an agent has in memory, where the record is brought in. */
export interface RecordView {
  entry(id: string): RegistrationEntry | undefined
  /** What holds now, as another agent of the stamp wrote it, with our own changes on top. */
  shared(id: string, entry: RegistrationEntry): void
}

interface Slot {
  /** Of the record that memory is based on; 0: there is none. */
  revision: number
  /** Our own changes that are not stored yet, in their order. */
  readonly changes: EntryChange[]
}

/** Beyond this the oldest is only in memory: it can no longer be put on top of what another agent wrote. */
const MOST_CHANGES = 1_000
const BEFORE_NEXT_WATCH_MS = 250
/** Another agent is faster a few times in a row, never so often. */
const MOST_TRIES = 50

/**
 * The lasting record of a stamp's registrations, which all its agents share. Each changes its memory at
 * once, and then the record, if that still has the revision that it was based on; otherwise it puts its
 * changes on top of what is there. What another agent wrote comes in by itself.
 */
export class RegistrationsRecord {
  readonly #bucket: Bucket<unknown>
  readonly #view: RecordView
  readonly #onTrouble: (error: unknown) => void
  readonly #slots = new Map<string, Slot>()
  readonly #due = new Set<string>()
  readonly #stopped = new AbortController()
  #writing: Promise<void> | undefined
  #watch: BucketWatch | undefined

  constructor(bucket: Bucket<unknown>, view: RecordView, onTrouble: (error: unknown) => void) {
    this.#bucket = bucket
    this.#view = view
    this.#onTrouble = onTrouble
  }

  /** What earlier agents wrote. What cannot be read is left out. */
  async load(): Promise<readonly RegistrationEntry[]> {
    const entries: RegistrationEntry[] = []
    for (const { key, value, revision } of await this.#bucket.load('>')) {
      const entry = parseEntry(value)
      if (entry === undefined) continue
      this.#slot(key).revision = revision
      entries.push(entry)
    }
    return entries
  }

  /** Follows what other agents write, until it is stopped. Never rejects. */
  async follow(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      try {
        const watch = await untilDone(
          () => this.#bucket.watch((entry) => this.#shared(entry)),
          signal,
          this.#onTrouble,
        )
        this.#watch = watch
        if (signal.aborted) watch.stop()
        await watch.ended
        await sleep(BEFORE_NEXT_WATCH_MS, signal)
      } catch (error) {
        if (!signal.aborted) this.#onTrouble(error)
      }
    }
  }

  /** Begins to follow anew: a server that was away knows nothing of who followed. */
  followAnew(): void {
    this.#watch?.stop()
  }

  /**
   * Stores a change that was made in memory. Resolves after one try, never rejects: where the server is
   * away, it is stored with the next one, or with `flush`.
   */
  change(id: string, change: EntryChange): Promise<void> {
    const { changes } = this.#slot(id)
    changes.push(change)
    if (changes.length > MOST_CHANGES) changes.shift()
    this.#due.add(id)
    return this.flush()
  }

  /** Whether everything that happened to it here is stored. */
  isStored(id: string): boolean {
    return (this.#slots.get(id)?.changes.length ?? 0) === 0
  }

  /** Drops what memory no longer has; its record ages by itself. */
  drop(id: string): void {
    this.#slots.delete(id)
    this.#due.delete(id)
  }

  /** Reads what the record has of one now. Rejects with `SIGNET_JETSTREAM_MISSING`. */
  async read(id: string): Promise<void> {
    const slot = this.#slot(id)
    const { revision } = slot
    const found = await this.#bucket.get(id)
    // Something newer came in meanwhile.
    if (slot.revision !== revision) return
    // It aged, or the server lost it: then memory is all there is, and is stored as new.
    if (found === undefined) slot.revision = 0
    else this.#rebase(slot, found)
    if (slot.revision === 0 && slot.changes.length === 0) this.#slots.delete(id)
  }

  /** Stores what could not be stored before. */
  flush(): Promise<void> {
    // Without anything to wait for it would end before it is noted that it runs, and seem to run for ever.
    if (this.#due.size === 0) return this.#writing ?? Promise.resolve()
    this.#writing ??= this.#write()
    return this.#writing
  }

  async stop(): Promise<void> {
    await this.flush()
    this.#stopped.abort()
    this.#watch?.stop()
  }

  async #write(): Promise<void> {
    // What becomes due meanwhile is reached too: a set is walked in the order of its additions.
    for (const id of this.#due) {
      this.#due.delete(id)
      try {
        await this.#store(id)
      } catch (error) {
        this.#due.add(id)
        this.#onTrouble(error)
        break
      }
    }
    // In the same turn in which the last was found to be done: what comes after it begins anew.
    this.#writing = undefined
  }

  async #store(id: string): Promise<void> {
    const slot = this.#slot(id)
    for (let tries = 1; slot.changes.length > 0; tries += 1) {
      const { length } = slot.changes
      const entry = this.#view.entry(id)
      if (entry === undefined) {
        this.drop(id)
        return
      }
      const revision = await this.#bucket.update(id, entry, slot.revision)
      if (revision === undefined) {
        if (tries > MOST_TRIES) throw lostTooOften(id)
        await this.read(id)
        continue
      }
      slot.changes.splice(0, length)
      slot.revision = Math.max(slot.revision, revision)
    }
  }

  #shared(found: Entry<unknown>): void {
    const slot = this.#slot(found.key)
    if (found.revision > slot.revision) this.#rebase(slot, found)
  }

  #rebase(slot: Slot, { key, value, revision }: Entry<unknown>): void {
    slot.revision = revision
    let entry = parseEntry(value)
    for (const change of slot.changes) entry = change(entry)
    if (entry !== undefined) this.#view.shared(key, entry)
  }

  #slot(id: string): Slot {
    const known = this.#slots.get(id)
    if (known !== undefined) return known
    const slot: Slot = { revision: 0, changes: [] }
    this.#slots.set(id, slot)
    return slot
  }
}

function lostTooOften(id: string): SignetError {
  return new SignetError(
    'SIGNET_JETSTREAM_MISSING',
    `Registration ${id} is written by others all the time.`,
  )
}
