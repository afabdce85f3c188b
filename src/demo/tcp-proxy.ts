import { once } from 'node:events'
import { type Server, type Socket, connect, createServer } from 'node:net'
import { freePort } from './free-port.ts'
import { systemCode } from './system-error.ts'
import { waitUntil } from './wait-until.ts'
import { SignetError } from '../errors.ts'

type Fault = 'cut' | 'hole'

export interface TcpProxyOptions {
  /** The port of 127.0.0.1 that connections are passed on to. */
  readonly target: number
  /** Names who dials, by the first line it sends. With it, a fault can be for one peer only. */
  readonly identify?: (line: string) => string | undefined
}

interface Pair {
  readonly dialer: Socket
  readonly server: Socket
  peer: string | undefined
  /** Whether all that is to be known of the peer is known. */
  introduced: boolean
}

// What a dialer may send before it has said who it is.
const introductionLimit = 64 * 1024
const rebindLimitMs = 5_000

/** Starts a proxy; its port is below those that the system gives to clients. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const proxy = new TcpProxy(await freePort(), options)
  await proxy.heal()
  return proxy
}

/**
 * A TCP proxy on 127.0.0.1 that can fail as networks do. *Cut*: sockets are reset, and new ones
 * refused. *Hole*: bytes stop while sockets stay open, new ones too; what was on its way arrives when
 * it is healed. A fault is for everybody or for one peer; each of these is healed by itself, and a connection
 * suffers the worst that applies to it. One peer that is cut is still accepted and then reset, since
 * it has to say who it is. Made by `startTcpProxy`.
 */
export class TcpProxy implements AsyncDisposable {
  readonly port: number
  readonly #options: TcpProxyOptions
  /** By peer; undefined is everybody. */
  readonly #faults = new Map<string | undefined, Fault>()
  readonly #pairs = new Set<Pair>()
  #listener: Server | undefined

  constructor(port: number, options: TcpProxyOptions) {
    this.port = port
    this.#options = options
  }

  async cut(peer?: string): Promise<void> {
    await this.#set(peer, 'cut')
  }

  async hole(peer?: string): Promise<void> {
    await this.#set(peer, 'hole')
  }

  async heal(peer?: string): Promise<void> {
    await this.#set(peer, undefined)
  }

  /** Resets what goes through it and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut()
  }

  async #set(peer: string | undefined, fault: Fault | undefined): Promise<void> {
    if (fault === undefined) this.#faults.delete(peer)
    else this.#faults.set(peer, fault)
    for (const pair of this.#pairs) this.#apply(pair)
    if (this.#faults.get(undefined) === 'cut') await this.#refuse()
    else await this.#accept()
  }

  async #refuse(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    if (listener === undefined) return
    listener.close()
    await once(listener, 'close')
  }

  async #accept(): Promise<void> {
    if (this.#listener !== undefined) return
    this.#listener = await waitUntil(
      () => listenAt(this.port, (dialer) => this.#connect(dialer)),
      rebindLimitMs,
      () => new SignetError('SIGNET_PORT_TAKEN', `port ${this.port} is no longer free for a proxy`),
    )
  }

  #connect(dialer: Socket): void {
    const server = connect({ port: this.#options.target, host: '127.0.0.1', allowHalfOpen: true })
    const { identify } = this.#options
    const pair: Pair = { dialer, server, peer: undefined, introduced: identify === undefined }
    this.#pairs.add(pair)
    this.#join(pair, dialer, server)
    this.#join(pair, server, dialer)
    if (identify !== undefined) this.#introduce(pair, identify)
    this.#apply(pair)
  }

  #join(pair: Pair, socket: Socket, other: Socket): void {
    socket.setNoDelay(true)
    // What goes wrong is for the two ends to notice; `close` follows and passes it on.
    socket.on('error', () => undefined)
    socket.on('close', (withError) => {
      this.#pairs.delete(pair)
      if (withError) reset(other)
      else other.destroySoon()
    })
  }

  /** Holds back what a dialer says until it has said who it is. */
  #introduce(pair: Pair, identify: (line: string) => string | undefined): void {
    const { dialer } = pair
    let said = Buffer.alloc(0)
    const listen = (chunk: Buffer): void => {
      said = Buffer.concat([said, chunk])
      const end = said.indexOf('\n')
      if (end < 0 && said.length < introductionLimit) return
      dialer.off('data', listen)
      dialer.pause()
      dialer.unshift(said)
      pair.peer = identify(said.toString('latin1', 0, end < 0 ? said.length : end))
      pair.introduced = true
      this.#apply(pair)
    }
    dialer.on('data', listen)
  }

  #apply({ dialer, server, peer, introduced }: Pair): void {
    const faults = new Set([this.#faults.get(undefined), peer && this.#faults.get(peer)])
    if (faults.has('cut')) {
      reset(dialer)
      reset(server)
      return
    }
    dialer.unpipe(server)
    server.unpipe(dialer)
    if (faults.has('hole')) {
      dialer.pause()
      server.pause()
      return
    }
    server.pipe(dialer)
    if (introduced) dialer.pipe(server)
    else dialer.resume()
  }
}

function reset(socket: Socket): void {
  // Node loses the handle of a socket that is reset while its end is being sent: it is never closed,
  // and its readiness keeps the event loop spinning (seen on 20.20).
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

async function listenAt(
  port: number,
  onSocket: (socket: Socket) => void,
): Promise<Server | undefined> {
  const listener = createServer({ allowHalfOpen: true }, onSocket)
  try {
    listener.listen({ port, host: '127.0.0.1' })
    await once(listener, 'listening')
    return listener
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return undefined
    throw error
  }
}
