import type { RegistrationEntry } from '../domain/registration-entry.ts'
import { translateLogs } from '../domain/registration-translate.ts'
import { isSignetError } from '../errors.ts'
import type { Border } from '../flow/border.ts'
import type { Way } from '../flow/residency.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { KeptnAnswer, KeptnCaller } from '../tunnel/keptn-caller.ts'

export interface IntegrationLogsOptions {
  readonly caller: KeptnCaller
  readonly registrations: { entry(id: string): RegistrationEntry | undefined }
  readonly border: Border
  readonly way: () => Way
  readonly log: Log
  readonly metrics: Metrics
}

/** What an integration is told of its logs. */
export type LogsAnswer =
  { readonly ok: true } | { readonly ok: false; readonly status: number; readonly message: string }

/** So many requests with logs are on their way at once; each is bounded by the server that took it. */
const MOST_AT_ONCE = 8
/** The first of them say what is wrong; a sender that fails a thousand times an hour says it again. */
const LOGS_SHOWN = 10

/** Brings the error logs of the stamp's integrations to the control plane (wire 5.3). */
export class IntegrationLogs {
  readonly #options: IntegrationLogsOptions
  #underWay = 0

  constructor(options: IntegrationLogsOptions) {
    this.#options = options
  }

  /** Resolves when the control plane has them, or with why not. Never rejects. */
  async bring(logs: readonly unknown[]): Promise<LogsAnswer> {
    const { registrations, log } = this.#options
    const translated = translateLogs(logs, (id) => registrations.entry(id)?.upstream?.id)
    if (translated.unknown > 0) this.#count('unknown', translated.unknown)
    if (translated.logs.length === 0 && translated.unknown > 0) return NOBODY
    const { allowed, refused } = this.#cross(translated.logs)
    // Our own log may be read elsewhere, too.
    const shown = { logs: allowed.slice(0, LOGS_SHOWN), all: logs.length }
    log.debug(shown, 'An integration sent logs.')
    if (refused !== undefined) {
      this.#count('failed', translated.logs.length)
      return { ok: false, status: 403, message: refused }
    }
    if (this.#underWay >= MOST_AT_ONCE) {
      this.#count('failed', translated.logs.length)
      return { ok: false, status: 429, message: 'too many logs are on their way already' }
    }
    this.#underWay += 1
    try {
      const answer = await this.#send(allowed)
      this.#count(answer.ok ? 'passed' : 'failed', translated.logs.length)
      return answer
    } finally {
      this.#underWay -= 1
    }
  }

  /** The logs as they may leave the geo (DESIGN 7.6); those of one request go or stay together. */
  #cross(logs: readonly unknown[]): {
    readonly allowed: readonly unknown[]
    readonly refused?: string
  } {
    const { border, way } = this.#options
    const allowed: unknown[] = []
    for (const data of logs) {
      const crossed = border.look(way(), Buffer.from(JSON.stringify({ data })))
      if (crossed.kind === 'refused') {
        border.count('up', 'log')
        return { allowed: [], refused: `a log may not leave the geo of this stamp: ${crossed.why}` }
      }
      allowed.push(
        crossed.redacted.length === 0
          ? data
          : (JSON.parse(Buffer.from(crossed.body).toString('utf8')) as { data: unknown }).data,
      )
    }
    return { allowed }
  }

  async #send(logs: readonly unknown[]): Promise<LogsAnswer> {
    try {
      return answerOf(
        await this.#options.caller.call({
          service: 'shipyard-controller',
          method: 'POST',
          target: '/v1/log',
          headers: [['content-type', 'application/json']],
          body: Buffer.from(JSON.stringify({ logs })),
        }),
      )
    } catch (error) {
      this.#options.log.debug({ error }, 'The logs of an integration were not taken.')
      return {
        ok: false,
        status: statusOf(error),
        message: `the logs were not taken: ${why(error)}`,
      }
    }
  }

  #count(result: 'passed' | 'unknown' | 'failed', count: number): void {
    this.#options.metrics.integrationLogs.inc({ result }, count)
  }
}

const NOBODY: LogsAnswer = {
  ok: false,
  status: 404,
  message: 'the control plane knows no integration of this stamp under that id yet',
}

function answerOf({ status, body }: KeptnAnswer): LogsAnswer {
  if (status >= 200 && status <= 299) return { ok: true }
  return { ok: false, status, message: Buffer.from(body).toString('utf8') }
}

/** The status that the tunnel gives to a failure; 502 where there is none. */
function statusOf(error: unknown): number {
  const status = isSignetError(error) ? error.details['status'] : undefined
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 502
}

function why(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}
