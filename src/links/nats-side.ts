import type { NatsConnection } from '@nats-io/transport-node'
import {
  AuthorizationError,
  connect,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node'
import { SignetError } from '../errors.ts'
import { connectFailure, whyNotConnected } from './connect-failure.ts'
import type { NatsAddress } from './nats-options.ts'
import { connectionOptions } from './nats-options.ts'
import { sleep } from '../runtime/clock.ts'

/** What one side says of itself. */
export interface SideState {
  readonly connected: boolean
  /** Why not, for `/readyz` and people. */
  readonly reason?: string
  readonly server?: string
  readonly version?: string
}

export interface SideEvents {
  connected(server: string): void
  disconnected(reason: string): void
  /** An error that the server reported out of turn, for example a refused publish. */
  error(error: Error): void
}

export interface NatsSideOptions {
  /** `gateway` or `keptn`: for logs and errors. */
  readonly side: string
  readonly address: NatsAddress
  /** The client's name, as operators see it in `/connz`. */
  readonly clientName: string
  readonly inboxPrefix: string
  readonly events: SideEvents
}

/** Waits between two tries to connect for the first time, in milliseconds; afterwards the client retries. */
const FIRST_CONNECT_WAITS = [100, 250, 500, 1_000, 2_000]

/** Waits before it is found out why a connection that broke is not back, in milliseconds; a restart is over before. */
const EXPLAIN_WAITS = [1_500, 3_000, 5_000]

/**
 * One of the two servers of a stamp. The first connection is tried for as long as it takes, and each
 * failure is told, which the client's own `waitOnFirstConnect` would hide; later ones are the client's.
 */
export class NatsSide {
  readonly #options: NatsSideOptions
  #connection: NatsConnection | undefined
  #reason = 'not connected yet'
  #connected = false
  #isRefused = false
  #connects = 0
  #closing = false
  #watching: Promise<void> | undefined
  #explaining: Promise<void> | undefined
  readonly #ended = new AbortController()
  #actions: (() => void)[] = []
  readonly #onConnect = new Set<() => void>()
  readonly #onDisconnect = new Set<() => void>()

  constructor(options: NatsSideOptions) {
    this.#options = options
  }

  /** Connects, however long it takes. Rejects when `signal` is aborted. */
  async connect(signal: AbortSignal): Promise<void> {
    const { side, address, clientName, inboxPrefix } = this.#options
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        this.#connection = await connect(connectionOptions(address, clientName, inboxPrefix))
        break
      } catch (error) {
        this.#isRefused = isRefusal(error)
        this.#down(connectFailure(error, address, Date.now()))
        await sleep(FIRST_CONNECT_WAITS[attempt] ?? 2_000, signal)
      }
    }
    if (signal.aborted) {
      await this.#connection.close()
      throw new SignetError('SIGNET_STOPPED', `Stopped while connecting to the ${side} NATS.`)
    }
    this.#up()
    this.#watching = this.#watch(this.#connection)
  }

  /** The client's connection. Throws before the first connect: nothing may be built on it earlier. */
  get connection(): NatsConnection {
    if (this.#connection !== undefined) return this.#connection
    throw new SignetError('SIGNET_INTERNAL', `The ${this.#options.side} NATS was used too early.`)
  }

  /**
   * Does something at the end of this turn of the event loop, together with all else that was asked for in
   * it. The client writes to its socket after every microtask that said something; a thousand
   * acknowledgements, each in a microtask of its own, would be a thousand writes.
   */
  soon(action: () => void): void {
    if (this.#actions.push(action) > 1) return
    setImmediate(() => {
      const actions = this.#actions
      this.#actions = []
      for (const run of actions) run()
    })
  }

  /** `gateway` or `keptn`. */
  get name(): string {
    return this.#options.side
  }

  /** Calls `listener` whenever the side is connected, until the returned function is called. */
  onConnect(listener: () => void): () => void {
    return listen(this.#onConnect, listener)
  }

  /** Calls `listener` whenever an established connection breaks, until the returned function is called. */
  onDisconnect(listener: () => void): () => void {
    return listen(this.#onDisconnect, listener)
  }

  /** How often it has connected: what the server knew of an earlier connection is gone. */
  get connects(): number {
    return this.#connects
  }

  /** What a restricted user may listen to for answers (nats-notes 7.2). */
  get inboxPrefix(): string {
    return this.#options.inboxPrefix
  }

  /** Whether the last try of the first connect failed because the server does not let us in. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  get isConnected(): boolean {
    return this.#connected
  }

  get state(): SideState {
    if (!this.#connected) return { connected: false, reason: this.#reason }
    const connection = this.#connection
    return {
      connected: true,
      ...(connection === undefined
        ? {}
        : { server: connection.getServer(), version: connection.info?.version ?? '' }),
    }
  }

  /** The largest message, headers included, that the server takes now. */
  get maxPayloadBytes(): number {
    return this.#connection?.info?.max_payload ?? 1_048_576
  }

  /** Resolves when the server has all that was said, or cannot be reached; after a second in any case. */
  async flush(): Promise<void> {
    try {
      // With a dead server a flush never comes back, and there is nobody to hear what is left.
      if (this.#connected) await Promise.race([this.connection.flush(), sleep(1_000)])
    } catch {
      // The connection went away while it was flushed; what was not acknowledged comes again.
    }
  }

  /** Flushes what was said and closes. May be called twice and before `connect`. */
  async close(): Promise<void> {
    this.#closing = true
    this.#ended.abort()
    const connection = this.#connection
    if (connection === undefined) return
    await this.flush()
    await connection.close()
    await this.#watching
    await this.#explaining
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      switch (status.type) {
        case 'disconnect':
          this.#down('disconnected')
          this.#explaining ??= this.#explain().finally(() => {
            this.#explaining = undefined
          })
          break
        case 'reconnect':
          this.#up()
          break
        case 'staleConnection':
          this.#down('the server no longer answers pings')
          break
        case 'error':
          this.#options.events.error(status.error)
          break
        case 'close':
        case 'forceReconnect':
        case 'ldm':
        case 'ping':
        case 'reconnecting':
        case 'slowConsumer':
        case 'update':
          break
      }
    }
    if (!this.#closing) this.#down('the client closed the connection')
  }

  /** The client connects again by itself, and does not tell why it fails. */
  async #explain(): Promise<void> {
    const { address, clientName, inboxPrefix, events } = this.#options
    for (let tries = 0; ; tries += 1) {
      await sleep(EXPLAIN_WAITS[tries] ?? 10_000, this.#ended.signal).catch(() => undefined)
      if (this.#connected || this.#closing) return
      const reason = await whyNotConnected(address, clientName, inboxPrefix)
      if (this.#connected || this.#closing) return
      if (reason === undefined || reason === this.#reason) continue
      this.#reason = reason
      events.disconnected(reason)
    }
  }

  #up(): void {
    this.#connected = true
    this.#connects += 1
    this.#options.events.connected(this.#connection?.getServer() ?? '')
    for (const listener of this.#onConnect) listener()
  }

  #down(reason: string): void {
    const isNews = this.#connected || this.#reason !== reason
    this.#connected = false
    this.#reason = reason
    if (!isNews || this.#closing) return
    this.#options.events.disconnected(reason)
    for (const listener of this.#onDisconnect) listener()
  }
}

function listen(listeners: Set<() => void>, listener: () => void): () => void {
  // A function of its own for each call: two parts may listen with the same one.
  const own = (): void => {
    listener()
  }
  listeners.add(own)
  return () => {
    listeners.delete(own)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError
}
