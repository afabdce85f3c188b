import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect as connectTcp, isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { connect as connectTls } from 'node:tls'
import type { NatsAuth } from './nats-options.ts'

/** What a server says of itself before anybody logs in. */
export interface Greeting {
  readonly version: string
  readonly needsLogin: boolean
  readonly isEncrypted: boolean
  readonly certificate?: {
    readonly name: string
    readonly notBefore: number
    readonly notAfter: number
  }
}

export type Greeted =
  | { readonly kind: 'greeted'; readonly greeting: Greeting }
  | { readonly kind: 'unreachable' | 'tls'; readonly why: string }

interface Info {
  readonly version?: string
  readonly auth_required?: boolean
  readonly tls_required?: boolean
}

const PORT = '4222'
/** An `INFO` is a few hundred bytes; who sends more without a line's end is no nats-server. */
const MOST_BYTES = 65_536

/**
 * Connects to one server of NATS, reads its `INFO`, goes on to TLS where it wants that, and leaves: so that
 * one knows of a server that does not let anybody in at which step it fails. Never sends a secret.
 */
export async function greet(url: string, auth: NatsAuth, timeoutMs: number): Promise<Greeted> {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connectTcp({ host, port: Number(port || PORT) })
  socket.setTimeout(timeoutMs, () => {
    socket.destroy(new Error('no answer in time'))
  })
  try {
    const info = await readInfo(socket)
    const plain = {
      version: info.version ?? '',
      needsLogin: info.auth_required === true,
      isEncrypted: info.tls_required === true,
    }
    if (!plain.isEncrypted) return { kind: 'greeted', greeting: plain }
    try {
      const certificate = certificateOf(await encrypt(socket, host, auth))
      return { kind: 'greeted', greeting: { ...plain, certificate } }
    } catch (error) {
      return { kind: 'tls', why: reason(error) }
    }
  } catch (error) {
    return { kind: 'unreachable', why: reason(error) }
  } finally {
    socket.destroy()
  }
}

function readInfo(socket: Socket): Promise<Info> {
  return new Promise((resolve, reject) => {
    let text = ''
    const take = (bytes: Buffer): void => {
      text += bytes.toString('utf8')
      const end = text.indexOf('\r\n')
      if (end < 0 && text.length < MOST_BYTES) return
      socket.off('data', take)
      socket.pause()
      const [, json] = /^INFO (\{.*\})\s*$/.exec(text.slice(0, Math.max(0, end))) ?? []
      try {
        if (json !== undefined) resolve(JSON.parse(json) as Info)
        else reject(new Error('what answers is no nats-server'))
      } catch {
        reject(new Error('what answers is no nats-server'))
      }
    }
    socket.on('data', take)
    socket.on('error', reject)
    socket.on('close', () => {
      reject(new Error('the server closed the connection'))
    })
  })
}

function encrypt(socket: Socket, host: string, auth: NatsAuth): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const { tlsCa, tlsCert, tlsKey } = auth
    const secure = connectTls({
      socket,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(tlsCa === undefined ? {} : { ca: readFileSync(tlsCa) }),
      ...(tlsCert === undefined ? {} : { cert: readFileSync(tlsCert) }),
      ...(tlsKey === undefined ? {} : { key: readFileSync(tlsKey) }),
    })
    secure.once('secureConnect', () => {
      resolve(secure)
    })
    secure.on('error', reject)
    socket.on('close', () => {
      reject(new Error('the server closed the connection during the handshake'))
    })
  })
}

function certificateOf(secure: TLSSocket) {
  const { subject, valid_from: from, valid_to: to } = secure.getPeerCertificate()
  return {
    name: [subject.CN ?? 'it'].flat().join(', '),
    notBefore: Date.parse(from),
    notAfter: Date.parse(to),
  }
}

/** A refused connection to several addresses of a name is an aggregate without a sentence. */
function reason(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(reason).join(', ')
  return error instanceof Error ? error.message : String(error)
}
