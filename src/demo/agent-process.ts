import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { SignetError } from '../errors.ts'
import { dropFromLeash, holdOnLeash } from './leash.ts'
import { waitUntil } from './wait-until.ts'

export interface AgentProcessOptions {
  readonly stamp: string
  /** Its own, among the agents of its stamp: the id that it has itself. */
  readonly name: string
  /** The built command line: `dist/src/cli.js`. */
  readonly cli: string
  readonly environment: Readonly<Record<string, string>>
  /** More of it that is known only by then; asked at each start. */
  readonly atStart?: () => Readonly<Record<string, string>>
  /** Its log goes here, over all its lives. */
  readonly logFile: string
}

const READY_LIMIT_MS = 60_000
const EXIT_LIMIT_MS = 40_000

/** An agent as a process of its own, which can be killed, paused and started again. */
export class AgentProcess implements AsyncDisposable {
  readonly stamp: string
  readonly name: string
  readonly #options: AgentProcessOptions
  #child: ChildProcess | undefined
  #exit: Promise<number> | undefined
  /** What its log says of where it listens: `admin`, `http`, `services`. */
  #urls = new Map<string, string>()

  constructor(options: AgentProcessOptions) {
    this.#options = options
    this.stamp = options.stamp
    this.name = options.name
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts the process; `ready()` waits until it works. */
  start(): void {
    if (this.#child !== undefined) return
    const { cli, environment, atStart, logFile } = this.#options
    const child = spawn(process.execPath, [cli, 'agent'], {
      env: { PATH: process.env['PATH'], ...environment, ...atStart?.() },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    this.#urls = new Map()
    const { pid } = child
    if (pid !== undefined) holdOnLeash(pid)
    const log = createWriteStream(logFile, { flags: 'a' })
    const lines = createInterface({ input: child.stderr })
    lines.on('line', (line) => {
      log.write(`${line}\n`)
      this.#read(line)
    })
    this.#exit = new Promise((resolve) => {
      child.once('close', (code) => {
        if (pid !== undefined) dropFromLeash(pid)
        log.end()
        if (this.#child === child) this.#child = undefined
        resolve(code ?? -1)
      })
    })
  }

  /** Where something of it listens (`admin`, `http`, `services`), once it does. */
  async url(what = 'admin'): Promise<string> {
    return waitUntil(
      () => this.#urls.get(what),
      READY_LIMIT_MS,
      () => this.#overdue(`does not say where its ${what} server listens`),
    )
  }

  /** Resolves when `/readyz` says so; SIGNET_START_FAILED with its reasons when it takes too long. */
  async ready(limitMs = READY_LIMIT_MS): Promise<void> {
    let reasons: unknown = 'it does not answer'
    await waitUntil(
      async () => {
        if (this.#child === undefined) throw await this.#overdue('ended while it started')
        const admin = this.#urls.get('admin')
        if (admin === undefined) return undefined
        try {
          const response = await fetch(`${admin}/readyz`, { signal: AbortSignal.timeout(2_000) })
          reasons = ((await response.json()) as { reasons?: unknown }).reasons
          return response.ok ? true : undefined
        } catch {
          // It is about to listen, or was just paused.
          return undefined
        }
      },
      limitMs,
      () => this.#overdue(`is not ready: ${JSON.stringify(reasons)}`),
    )
  }

  /** What it has logged, in all its lives. */
  log(): Promise<string> {
    return readFile(this.#options.logFile, 'utf8')
  }

  /** Asks it to drain; resolves with its exit code. */
  async stop(): Promise<number> {
    const child = this.#child
    if (child === undefined || this.#exit === undefined) return 0
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_LIMIT_MS)
    const code = await this.#exit
    clearTimeout(timer)
    return code
  }

  /** As a node that loses power, or the kernel's OOM killer. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#exit
  }

  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  #read(line: string): void {
    if (!line.startsWith('{')) return
    try {
      const facts = JSON.parse(line) as Readonly<Record<string, unknown>>
      for (const what of ['admin', 'http', 'services']) {
        const url = facts[what]
        if (typeof url === 'string' && url.startsWith('http://')) this.#urls.set(what, url)
      }
    } catch {
      // Not ours: a warning of Node, for example. It is in the log file.
    }
  }

  async #overdue(what: string): Promise<SignetError> {
    const log = await readFile(this.#options.logFile, 'utf8').catch(() => '')
    const tail = log.trimEnd().split('\n').slice(-8).join('\n  ')
    return new SignetError('SIGNET_START_FAILED', `The agent ${this.name} ${what}.\n  ${tail}`, {
      details: { stamp: this.stamp },
    })
  }
}
