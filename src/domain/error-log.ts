/** One entry of Keptn's log of integrations (wire 5.3). */
export interface LogEntry {
  readonly integrationid: string
  readonly message: string
  readonly shkeptncontext: string
  readonly task: string
  readonly triggeredid: string
}

export const ERROR_LOG = 'sh.keptn.log.error'

/**
 * What an event of an integration says about an error (wire 2.6, 3.5): a `.finished` whose status is
 * `errored`, or a log of its own, which may be for another integration. Undefined: nothing.
 */
export function errorLogOf(text: string, integrationId: string): LogEntry | undefined {
  const event = object(parse(text))
  const data = object(event['data'])
  const type = string(event['type'])
  const common = {
    message: string(data['message']),
    shkeptncontext: string(event['shkeptncontext']),
    triggeredid: string(event['triggeredid']),
  }
  if (type === ERROR_LOG) {
    const named = string(data['integrationid'])
    const integrationid = named === '' ? integrationId : named
    return { integrationid, task: string(data['task']), ...common }
  }
  if (!type.endsWith('.finished') || data['status'] !== 'errored') return undefined
  const tokens = type.split('.')
  return {
    integrationid: integrationId,
    task: tokens.length === 5 ? (tokens[3] ?? '') : '',
    ...common,
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
