import type { Metrics } from './metrics.ts'

/** Why an agent does not run with what its files say. */
export type Difference =
  | { readonly kind: 'refused'; readonly mistakes: readonly string[] }
  /** It is being prepared, which may take as long as the hub store is away. */
  | { readonly kind: 'waits' }

/** How the files of an agent stand to what it runs with, for `/status`, `/readyz` and the metrics. */
export class Reloads {
  readonly #metrics: Metrics
  readonly #now: () => number
  #revision = ''
  #appliedAt: number | undefined
  #difference: Difference | undefined
  #differsSince = 0
  #restartNeeded: readonly string[] = []

  constructor(metrics: Metrics, now: () => number) {
    this.#metrics = metrics
    this.#now = now
  }

  /** What the agent was started with. */
  started(revision: string): void {
    this.#revision = revision
    this.#appliedAt = this.#now()
    this.#metrics.reloadPending.set(0)
  }

  /** The agent works by what the files say, but for the settings that wait for its next start. */
  applied(revision: string, restartNeeded: readonly string[]): void {
    this.#restartNeeded = restartNeeded
    this.#metrics.reloads.inc({ result: 'applied' })
    this.same()
    this.started(revision)
  }

  /** The files are again what the agent runs with. */
  same(): void {
    this.#difference = undefined
    this.#metrics.reloadPending.set(0)
  }

  /** The agent goes on as before. */
  differs(difference: Difference): void {
    if (this.#difference === undefined) this.#differsSince = this.#now()
    this.#difference = difference
    this.#metrics.reloadPending.set(1)
    if (difference.kind === 'refused') this.#metrics.reloads.inc({ result: 'refused' })
  }

  /** What somebody should look at, though the agent works. */
  get warnings(): readonly string[] {
    return [...this.#differenceWarning(), ...this.#restartWarning()]
  }

  status(): object {
    const difference = this.#difference
    return {
      /** The same for every agent that runs with the same topology. */
      topology: this.#revision,
      ...(this.#appliedAt === undefined ? {} : { since: iso(this.#appliedAt) }),
      ...(difference === undefined
        ? {}
        : {
            differs: {
              since: iso(this.#differsSince),
              why: difference.kind,
              mistakes: difference.kind === 'refused' ? difference.mistakes : [],
            },
          }),
      restartNeeded: this.#restartNeeded,
    }
  }

  #differenceWarning(): readonly string[] {
    const difference = this.#difference
    if (difference === undefined) return []
    const since = `the files differ from what runs, since ${iso(this.#differsSince)}`
    if (difference.kind === 'waits') return [`${since}: the hub store is to make room for stamps`]
    const [first = '', ...others] = difference.mistakes
    const more = others.length === 0 ? '' : ` (and ${others.length} more, see /status)`
    return [`${since}: ${first}${more}`]
  }

  #restartWarning(): readonly string[] {
    const names = this.#restartNeeded
    if (names.length === 0) return []
    return [`settings that wait for the next start of the agent: ${names.join(', ')}`]
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
