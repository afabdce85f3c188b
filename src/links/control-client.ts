import { randomUUID } from 'node:crypto'
import { PermissionViolationError } from '@nats-io/transport-node'
import type { ControlAnswer } from '../domain/control.ts'
import { parseControlAnswer } from '../domain/control.ts'
import type { Scope } from '../domain/subject.ts'
import { controlSubject } from '../domain/subject.ts'
import { SignetError } from '../errors.ts'
import { following } from '../runtime/abort.ts'
import { brokenAnswer, ControlAsking } from './control-asking.ts'
import type { NatsAddress } from './nats-options.ts'
import { NatsSide } from './nats-side.ts'

export interface ControlClientOptions {
  readonly address: NatsAddress
  readonly scope: Scope
  /** `user@host`, as the hub logs it. */
  readonly by: string
  /** Where the command runs, if it is known. */
  readonly from?: { readonly stamp?: string; readonly geo?: string }
  /** The client's name, as operators see it in `/connz`. */
  readonly clientName: string
  readonly inboxPrefix: string
  /** How long to wait for the connection, and for each sign of life of the hub, in milliseconds. */
  readonly patienceMs?: number
}

export interface ControlQuestion {
  readonly verb: string
  readonly args: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  /** What the hub says while it works, and how much of the answer (bytes) has come. */
  readonly onProgress?: (about: unknown, bytes: number) => void
}

const PATIENCE_MS = 10_000

/** A command's end of what it asks a hub: one connection to the gateway NATS of whatever stamp it runs in. */
export class ControlClient {
  readonly #options: ControlClientOptions
  readonly #patienceMs: number
  readonly #side: NatsSide
  readonly #askings = new Set<ControlAsking>()
  readonly #broken = new AbortController()
  #failure = 'it did not answer in time'

  constructor(options: ControlClientOptions) {
    this.#options = options
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
    this.#side = new NatsSide({
      ...options,
      side: 'gateway',
      events: {
        connected: () => undefined,
        disconnected: (reason) => {
          this.#breaks(reason)
        },
        error: (error) => {
          if (!(error instanceof PermissionViolationError)) return
          for (const asking of this.#askings) asking.refused(error)
        },
      },
    })
  }

  /** Rejects with `SIGNET_LINK_LOST`, or `SIGNET_AUTH_REFUSED` where the server does not let us in. */
  async connect(signal: AbortSignal): Promise<void> {
    using given = following({
      signals: [signal, this.#broken.signal],
      timeoutMs: this.#patienceMs,
    })
    try {
      await this.#side.connect(given.signal)
    } catch (error) {
      signal.throwIfAborted()
      throw this.#cannotConnect(error)
    }
  }

  /**
   * Asks the hub, and resolves with what it says. Rejects with `SIGNET_NO_HUB` where none answers or one falls
   * silent, with `SIGNET_AUTH_REFUSED` where we may not ask this, and with the signal's reason.
   */
  async ask({ verb, args, signal, onProgress }: ControlQuestion): Promise<ControlAnswer> {
    signal.throwIfAborted()
    const { scope, by, from = {} } = this.#options
    const asking = new ControlAsking({
      side: this.#side,
      subject: controlSubject(scope, verb),
      request: { version: 1, id: randomUUID(), by, ...from, args },
      patienceMs: this.#patienceMs,
      onProgress: onProgress ?? (() => undefined),
      nobody: (why) => this.#nobody(verb, why),
    })
    const cancel = (): void => {
      asking.cancel(signal.reason)
    }
    signal.addEventListener('abort', cancel)
    this.#askings.add(asking)
    try {
      const answer = parseControlAnswer(await asking.answer)
      if (answer === undefined) throw brokenAnswer('it cannot be read')
      return answer
    } finally {
      signal.removeEventListener('abort', cancel)
      this.#askings.delete(asking)
    }
  }

  async close(): Promise<void> {
    await this.#side.close()
  }

  /** A command is for somebody who waits: the first failure is told, and not tried again. */
  #breaks(reason: string): void {
    this.#failure = reason
    this.#broken.abort()
    const servers = this.#servers
    for (const asking of this.#askings)
      asking.fail(
        new SignetError('SIGNET_LINK_LOST', `The connection to ${servers} broke: ${reason}.`),
      )
  }

  get #servers(): string {
    return this.#options.address.servers.join(', ')
  }

  #cannotConnect(cause: unknown): SignetError {
    const { isRefused } = this.#side
    const what = isRefused ? 'does not let us in' : 'cannot be reached'
    const advice = isRefused
      ? 'Look at SIGNET_NATS_CREDS, SIGNET_NATS_USER and their like.'
      : 'Look at SIGNET_NATS_URL, and whether that server runs.'
    return new SignetError(
      isRefused ? 'SIGNET_AUTH_REFUSED' : 'SIGNET_LINK_LOST',
      `The gateway NATS at ${this.#servers} ${what}: ${this.#failure}. ${advice}`,
      { cause, details: { servers: this.#servers } },
    )
  }

  #nobody(verb: string, why: string): SignetError {
    const { federation, controlPlane } = this.#options.scope
    const subject = controlSubject(this.#options.scope, verb)
    return new SignetError(
      'SIGNET_NO_HUB',
      `No hub of control plane ${controlPlane} in federation ${federation} answers: ${why}. ` +
        `Asked on ${subject} at ${this.#servers}. Does the agent of its home stamp run? Its /readyz says what it ` +
        'waits for. Are these the right names, and is the agent of a version that knows this command?',
      { details: { subject } },
    )
  }
}
