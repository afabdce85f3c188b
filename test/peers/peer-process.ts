import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The names that Keptn's clients dial, on port 8080, with no way to tell them otherwise (wire 2.2). */
const FIXED_NAMES = [
  'shipyard-controller',
  'resource-service',
  'mongodb-datastore',
  'secret-service',
  'api-service',
]
const FIXED_PORT = 8080

/**
 * A door at port 8080 of an address of the loopback range, which leads to another port of 127.0.0.1: what a
 * Service in front of an agent does. The port is the peers' choice, the address is ours, one for each stamp.
 */
export async function openDoor(host: string, target: number): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(target, '127.0.0.1')
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        inner.destroy()
        outer.destroy()
      })
    }
    inner.pipe(outer).pipe(inner)
  })
  server.listen(FIXED_PORT, host)
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The port that something of ours listens on. */
export function portOf(address: AddressInfo | string | null): number {
  if (typeof address === 'object' && address !== null) return address.port
  throw new Error('not listening')
}

/**
 * A program that is not ours, as it would run in a pod: with environment variables, and with a hosts file in
 * which Keptn's five names mean one address. That takes a mount namespace, and so root on Linux.
 */
export class PeerProcess implements AsyncDisposable {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #exit: Promise<number>
  readonly #dir: string

  private constructor(child: ChildProcess, dir: string) {
    this.#child = child
    this.#dir = dir
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => this.lines.push(line))
    this.#exit = new Promise((resolve) => {
      child.once('close', (code) => {
        resolve(code ?? -1)
      })
    })
  }

  static async start(
    program: string | readonly string[],
    namesAt: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<PeerProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'signet-peer-'))
    const hosts = join(dir, 'hosts')
    const names = FIXED_NAMES.map((name) => `${namesAt} ${name}`)
    await writeFile(hosts, ['127.0.0.1 localhost', ...names, ''].join('\n'))
    const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
    const line = typeof program === 'string' ? [program] : program
    const child = spawn(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', hosts, ...line],
      { env: { PATH: process.env['PATH'], ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    return new PeerProcess(child, dir)
  }

  /** The JSON objects that it has said so far which have a key. */
  said(key: string): readonly Readonly<Record<string, unknown>>[] {
    return this.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      .filter((fact) => Object.hasOwn(fact, key))
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Asks it to end, and resolves with its exit code; what does not listen is killed. */
  async stop(): Promise<number> {
    if (!this.hasEnded) this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000)
    const code = await this.#exit
    clearTimeout(timer)
    await rm(this.#dir, { recursive: true, force: true })
    return code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
