import type { JsonObject } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'

/** The error logs that integrations post (wire 5.3). */
export class LogStore {
  #entries: readonly JsonObject[] = []

  /** Adds the entries of a body `{"logs":[…]}`; an entry without a time gets that of now. */
  add(body: unknown, nowMs: number): boolean {
    const logs = isJsonObject(body) ? (body['logs'] ?? []) : undefined
    if (!Array.isArray(logs) || !logs.every(isJsonObject)) return false
    const time = new Date(nowMs).toISOString()
    this.#entries = [...this.#entries, ...logs.map((log) => Object.assign({ time }, log))]
    return true
  }

  /** Newest first. */
  list(integrationId: string | undefined): readonly JsonObject[] {
    const all = this.#entries.toReversed()
    return integrationId === undefined || integrationId === ''
      ? all
      : all.filter((entry) => entry['integrationid'] === integrationId)
  }

  clear(integrationId: string | undefined): void {
    const gone = new Set(this.list(integrationId))
    this.#entries = this.#entries.filter((entry) => !gone.has(entry))
  }
}
