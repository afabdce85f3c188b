import type { EventData, KeptnEvent } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'

/**
 * `value` as Go's encoder prints a map: keys sorted at every depth, and `<`, `>`, `&` escaped.
 * A bridge that re-encodes instead of passing bytes on is found out by exactly this.
 */
export function goJson(value: unknown): string {
  return JSON.stringify(sorted(value)).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** An event in the order of the Go model, as integrations publish and pollers receive it (wire 1.4). */
export function encodeGoModel(event: KeptnEvent): string {
  return object([
    ['contenttype', event.contenttype || undefined],
    ['data', raw(goJson(event.data ?? null))],
    ['id', event.id || undefined],
    ['shkeptncontext', event.shkeptncontext || undefined],
    ['shkeptnspecversion', event.shkeptnspecversion || undefined],
    ['source', event.source ?? null],
    ['specversion', event.specversion || undefined],
    ['time', event.time],
    ['triggeredid', event.triggeredid || undefined],
    ['gitcommitid', event.gitcommitid || undefined],
    ['type', event.type ?? null],
  ])
}

/**
 * An event in the order of the CloudEvents SDK, as shipyard-controller publishes it (wire 1.1).
 * `datacontenttype` is missing on what came out of its queue, because that went through the Go model.
 */
export function encodeCloudEvent(
  event: KeptnEvent,
  { datacontenttype, dataText }: { datacontenttype: boolean; dataText?: string },
): string {
  return object([
    ['specversion', event.specversion],
    ['id', event.id],
    ['source', event.source],
    ['type', event.type],
    ['datacontenttype', datacontenttype ? 'application/json' : undefined],
    ['time', event.time],
    ['data', raw(dataText ?? goJson(event.data ?? null))],
    ['gitcommitid', event.gitcommitid || undefined],
    ['shkeptncontext', event.shkeptncontext || undefined],
    ['triggeredid', event.triggeredid || undefined],
    ['shkeptnspecversion', event.shkeptnspecversion || undefined],
  ])
}

/** The common data of an event with empty fields left out, as Go's `omitempty` does (wire 1.2). */
export function compactEventData(data: EventData): Record<string, unknown> {
  const labels = data.labels !== undefined && Object.keys(data.labels).length > 0
  return {
    ...(data.project !== '' && { project: data.project }),
    ...(data.stage !== '' && { stage: data.stage }),
    ...(data.service !== '' && { service: data.service }),
    ...(labels && { labels: data.labels }),
    ...(data.status !== '' && { status: data.status }),
    ...(data.result !== '' && { result: data.result }),
    ...(data.message !== '' && { message: data.message }),
  }
}

interface Raw {
  readonly raw: string
}

function raw(text: string): Raw {
  return { raw: text }
}

function object(fields: readonly (readonly [string, string | null | undefined | Raw])[]): string {
  const printed = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const text = typeof value === 'object' && value !== null ? value.raw : goJson(value)
      return `"${name}":${text}`
    })
  return `{${printed.join(',')}}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isJsonObject(value)) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map((name) => [name, sorted(value[name])]))
}
