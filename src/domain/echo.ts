import type { KeptnEvent } from './event.ts'
import { storedContext } from './posted-event.ts'

/** What an event that was posted and the one that Keptn made of it have in common (wire 5.2). */
export function echoKey({ type, triggeredid, source, context }: KeptnEvent): string {
  return [storedContext(context) ?? '', type, triggeredid, source].join('\n')
}
