import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { LOCAL_STREAM } from '../domain/store-names.ts'
import { tailOf } from '../domain/subject.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Store } from '../links/store.ts'
import { storeByRequest } from '../links/stored-request.ts'
import type { Metrics } from '../observe/metrics.ts'

export interface EventIntakeOptions {
  /** The Keptn NATS of the stamp. */
  readonly side: NatsSide
  readonly store: Store
  readonly messages: CoreMessages
  /** Error logs for Keptn's Uniform. */
  readonly onLogs: (
    logs: readonly unknown[],
  ) => Promise<
    | { readonly ok: true }
    | { readonly ok: false; readonly status: number; readonly message: string }
  >
  /** The id of the integration that has a name; undefined where none is registered. */
  readonly integrationId: (name: string) => string | undefined
  readonly metrics: Metrics
}

const ERROR_LOG = 'sh.keptn.log.error'

/** Takes events that an integration posts, as a distributor does (wire 3.5), but keeps what it says it took. */
export class EventIntake {
  readonly #options: EventIntakeOptions
  #isVolatile: boolean | undefined

  constructor(options: EventIntakeOptions) {
    this.#options = options
  }

  /**
   * Publishes an event, bytes as they are, and resolves with it when the stamp's stream has stored it.
   * Without JetStream: when the server has it. Rejects with `SIGNET_EVENT_MALFORMED`, `SIGNET_TOO_LARGE`,
   * `SIGNET_PUBLISH_REFUSED`, and `SIGNET_LINK_LOST` where it is not known to be stored.
   */
  async take(body: Uint8Array): Promise<KeptnEvent> {
    const event = read(body)
    if (event.type === ERROR_LOG) {
      await this.#log(event, text(event.data['integrationid']), text(event.data['task']))
      return this.#done(event, 'logged')
    }
    try {
      await this.#publish(event, body)
    } catch (error) {
      this.#count('failed')
      throw asReply(error)
    }
    if (event.parsedType.kind === 'finished' && event.data['status'] === 'errored') {
      const task = event.parsedType.shape === 'task' ? event.parsedType.task : ''
      // Besides: whether it comes through or not, the event is stored.
      void this.#log(event, '', task).catch(() => undefined)
    }
    return this.#done(event, 'stored')
  }

  async #publish(event: KeptnEvent, body: Uint8Array): Promise<void> {
    const { side, store, messages } = this.#options
    this.#isVolatile ??= await store.hasNoJetStream()
    if (this.#isVolatile) await messages.hand(event.type, body, {})
    else await storeByRequest(side, event.type, body, LOCAL_STREAM)
  }

  /**
   * Keptn knows a log by its integration only; without one it goes nowhere (wire 2.6). Rejects where the
   * control plane cannot be told now.
   */
  async #log(event: KeptnEvent, integration: string, task: string): Promise<void> {
    const { onLogs, integrationId } = this.#options
    const integrationid = integration === '' ? integrationId(event.source) : integration
    if (integrationid === undefined) return
    const answer = await onLogs([
      {
        integrationid,
        message: text(event.data['message']),
        time: event.time,
        shkeptncontext: event.context,
        task,
        triggeredid: event.triggeredid,
        gitcommitid: event.gitcommitid,
      },
    ])
    // What the control plane does not want, it will not want the next time either.
    if (answer.ok || (answer.status < 500 && answer.status !== 429)) return
    throw new SignetError('SIGNET_LINK_LOST', answer.message, {
      details: { status: 503, reason: 'not-logged' },
    })
  }

  #done(event: KeptnEvent, result: string): KeptnEvent {
    this.#count(result)
    return event
  }

  #count(result: string): void {
    this.#options.metrics.events.inc({ direction: 'posted', result })
  }
}

function read(body: Uint8Array): KeptnEvent {
  const parsed = parseEvent(Buffer.from(body).toString('utf8'))
  if (!parsed.ok) throw malformed(parsed.reason, parsed.detail)
  if (tailOf(parsed.event.type) === undefined)
    throw malformed('bad-type', `${parsed.event.type} is not under sh.keptn.`)
  return parsed.event
}

/** What a client is told of an event that must not be published. */
export function malformed(reason: string, detail: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_EVENT_MALFORMED', `This is no event of Keptn: ${detail}.`, {
    details: { status: 400, reason },
    ...(cause === undefined ? {} : { cause }),
  })
}

function asReply(error: unknown): SignetError {
  const message = error instanceof Error ? error.message : 'unknown'
  if (isSignetError(error, 'SIGNET_TOO_LARGE'))
    return new SignetError(error.code, message, { details: { status: 413, reason: 'too-large' } })
  const code = isSignetError(error) ? error.code : 'SIGNET_LINK_LOST'
  // Also for what was refused: posting it again is right once the server is well again.
  return new SignetError(code, message, {
    cause: error,
    details: { status: 503, reason: 'not-stored' },
  })
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
