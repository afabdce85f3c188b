import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { dropFromLeash, holdOnLeash } from '../src/demo/leash.ts'
import { SignetError } from '../src/errors.ts'
import type { Address } from './forward-servers.ts'
import type { Measured, ProcessFigures } from './process-figures.ts'

/** What a copy loop reads, and where it publishes. */
export interface CopyPlan {
  readonly from: Address
  /** The JetStream domain of `from`; empty for its own. */
  readonly domain: string
  readonly stream: string
  readonly durable: string
  readonly to: Address
  readonly subject: string
  /** Messages in flight. */
  readonly window: number
}

/** The built program of a copy loop, which this file's own build lies beside. */
const PROGRAM = new URL('copy-loop.js', import.meta.url).pathname

/** A running copy loop. */
export class CopyLoop implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.#child = child
    this.#lines = lines
  }

  /** Starts one; resolves when it is about to read. */
  static async start(plan: CopyPlan): Promise<CopyLoop> {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const { pid } = child
    if (pid !== undefined) holdOnLeash(pid)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const loop = new CopyLoop(child, lines)
    await loop.#line()
    return loop
  }

  readonly measured: Measured = async () => {
    this.#child.stdin?.write('figures\n')
    return JSON.parse(await this.#line()) as ProcessFigures
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child.exitCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    if (child.pid !== undefined) dropFromLeash(child.pid)
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next()
    if (done !== true) return value
    throw new SignetError('SIGNET_START_FAILED', 'The copy loop ended before its time.')
  }
}
