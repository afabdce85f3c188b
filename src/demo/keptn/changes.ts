/** Where something happened. */
export interface ChangeScope {
  readonly context: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly sequence: string
}

/** Something that happened in the control plane, in the order in which it did. */
export type Change = ChangeScope & { readonly atMs: number } & (
    | { readonly kind: 'sequence.triggered' | 'sequence.waiting' | 'sequence.started' }
    | {
        readonly kind: 'sequence.finished'
        readonly result: string
        readonly status: string
        readonly message: string
      }
    | { readonly kind: 'task.triggered'; readonly task: string; readonly triggeredId: string }
    | {
        /** An answer that was counted; `source` is who sent it. */
        readonly kind: 'task.started' | 'task.finished'
        readonly task: string
        readonly triggeredId: string
        readonly eventId: string
        readonly source: string
        readonly result: string
        readonly status: string
      }
    | {
        /** The task is over, with everyone's answers in. */
        readonly kind: 'task.completed'
        readonly task: string
        readonly triggeredId: string
        readonly result: string
        readonly status: string
      }
  )

/** An event that shipyard-controller looked at and did nothing with. */
export interface Dropped {
  readonly atMs: number
  readonly eventId: string
  readonly type: string
  readonly context: string
  readonly reason: string
}

/** Hands changes to whoever listens, at once and in order. */
export class ChangeFeed {
  readonly #listeners = new Set<(change: Change) => void>()

  /** Calls `listener` for every change from now on, until the function returned is called. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}
