import { isJsonObject, parseJsonObject } from './json.ts'

/** What a distributor makes of an event for the service that it posts it to (wire 1.5, 3.3). */

/** The address of a recipient as the variables `PUBSUB_RECIPIENT…` tell it. */
export function recipientUrl(host: string, port: number, path: string): string {
  const withScheme = /^https?:\/\//.test(host) ? host : `http://${host}`
  return `${withScheme}:${port}${path === '' ? '' : `/${path.replace(/^\//, '')}`}`
}

/** What a distributor reads of an event. Empty where it is missing or no text. */
export type ReadEvent = Readonly<
  Record<'id' | 'type' | 'source' | 'context' | 'project' | 'stage' | 'service', string>
>

/**
 * Reads what a distributor takes for a CloudEvent; undefined where it takes it for none. It asks for less
 * than Keptn's own components do, so what it brings to an integration is what that one always got.
 */
export function readCloudEvent(text: string): ReadEvent | undefined {
  const event = parseJsonObject(text)
  if (event === undefined) return undefined
  const { specversion, id, source, type } = event
  if (specversion !== '1.0' && specversion !== '0.3') return undefined
  if (![id, source, type].every((value) => typeof value === 'string' && value !== ''))
    return undefined
  const data = isJsonObject(event['data']) ? event['data'] : {}
  return {
    id: id as string,
    type: type as string,
    source: source as string,
    context: textOf(event['shkeptncontext']),
    project: textOf(data['project']),
    stage: textOf(data['stage']),
    service: textOf(data['service']),
  }
}

/**
 * The event as a recipient gets it: a structured CloudEvent with Keptn's four extensions, empty ones too,
 * and no others. With a subscription its id is put where integrations look for it; what stands there
 * already for somebody else stays.
 */
export function recipientEvent(text: string, subscriptionId?: string): string {
  const event = parseJsonObject(text) ?? {}
  const attribute = (name: string): string => textOf(event[name])
  const { time } = event
  return JSON.stringify({
    specversion: attribute('specversion'),
    id: attribute('id'),
    source: attribute('source'),
    type: attribute('type'),
    datacontenttype: 'application/json',
    ...(typeof time === 'string' ? { time } : {}),
    data: subscriptionId === undefined ? event['data'] : tagged(event['data'], subscriptionId),
    shkeptncontext: attribute('shkeptncontext'),
    triggeredid: attribute('triggeredid'),
    gitcommitid: attribute('gitcommitid'),
    shkeptnspecversion: attribute('shkeptnspecversion'),
  })
}

/** An event that an integration posted, with the time that CloudEvents let it leave out. */
export function withTime(text: string, now: string): string {
  const event = parseJsonObject(text)
  if (event === undefined || Object.hasOwn(event, 'time')) return text
  return JSON.stringify({ ...event, time: now })
}

function tagged(data: unknown, subscriptionID: string): unknown {
  const fields = isJsonObject(data) ? data : {}
  const { temporaryData } = fields
  const others = isJsonObject(temporaryData) ? temporaryData : {}
  return { ...fields, temporaryData: { ...others, distributor: { subscriptionID } } }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
