import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignetError, isSignetError } from '../errors.ts'
import {
  type NatsFolder,
  type NatsPorts,
  type NatsRun,
  natsFolder,
  readLog,
  runNatsServer,
  tailOf,
} from './nats-run.ts'
import { standsStill } from './stopped-threads.ts'
import { waitUntil } from './wait-until.ts'

export interface NatsProcessOptions {
  /** The nats-server to run. */
  readonly binary: string
  /** For messages. Default: `nats-server`. */
  readonly name?: string
  /**
   * What the server is to be beyond the addresses for clients and monitoring, the place of its store
   * and its log, which are seen to here. `jetstream: enabled` is all that JetStream needs.
   */
  readonly config?: string
  /** Where its files go, and stay. Default: a temporary folder that goes when it is disposed of. */
  readonly dir?: string
}

const stopLimitMs = 10_000
const reloadLimitMs = 10_000
// A port that was ours a moment ago may be a client's for a while.
const rebindLimitMs = 5_000

/**
 * Starts a nats-server on ports that it chooses itself; resolves when it accepts clients. Leaves
 * nothing behind where it fails, with SIGNET_START_FAILED or SIGNET_PORT_TAKEN and the end of its log.
 */
export async function startNatsProcess(options: NatsProcessOptions): Promise<NatsProcess> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'signet-nats-')))
  const server = new NatsProcess(options, dir)
  try {
    await mkdir(dir, { recursive: true })
    await server.restart()
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * One nats-server on 127.0.0.1. Its ports and its JetStream store outlive stops, kills and restarts;
 * the server itself never outlives this process. Made by `startNatsProcess`.
 */
export class NatsProcess implements AsyncDisposable {
  readonly name: string
  readonly dir: string
  readonly #binary: string
  readonly #ownsDir: boolean
  readonly #folder: NatsFolder
  #config: string
  #ports: NatsPorts | undefined
  /** Those in the configuration of this run: a reload may not change them, not even from -1 to what -1 became. */
  #asked: NatsPorts = { client: -1, monitor: -1 }
  #run: NatsRun | undefined

  constructor(options: NatsProcessOptions, dir: string) {
    this.name = options.name ?? 'nats-server'
    this.dir = dir
    this.#binary = options.binary
    this.#ownsDir = options.dir === undefined
    this.#folder = natsFolder(dir)
    this.#config = options.config ?? ''
  }

  /** For clients: `nats://127.0.0.1:PORT`; the same after a restart. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  get port(): number {
    return this.#portsNow().client
  }

  /** `http://127.0.0.1:PORT`, which serves `/varz` and its like; the same after a restart. */
  get monitorUrl(): string {
    return `http://127.0.0.1:${this.#portsNow().monitor}`
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#running()?.pid
  }

  /** Ends it with SIGTERM, and with SIGKILL if that takes longer than 10 s. */
  async stop(): Promise<void> {
    const run = this.#running()
    if (run === undefined) return
    run.signal('SIGTERM')
    // A paused process hears nothing before it goes on.
    run.signal('SIGCONT')
    if (!(await run.endsWithin(stopLimitMs))) await this.kill()
  }

  /** Ends it with SIGKILL, as a crash would. */
  async kill(): Promise<void> {
    const run = this.#running()
    if (run === undefined) return
    run.signal('SIGKILL')
    if (!(await run.endsWithin(stopLimitMs))) throw await this.#failed('did not die of SIGKILL')
  }

  /** Freezes it: its sockets stay open, and nothing answers any more when this resolves. */
  async pause(): Promise<void> {
    const run = this.#running()
    if (run === undefined) return
    run.signal('SIGSTOP')
    await waitUntil(
      async () => (await standsStill(run.pid)) || undefined,
      stopLimitMs,
      () => this.#failed('does not stand still'),
    )
  }

  resume(): void {
    this.#running()?.signal('SIGCONT')
  }

  /** Stops it if it runs, and starts it with the same ports and the same store. */
  async restart(): Promise<void> {
    await this.stop()
    // Clients and peers come back to the address they know.
    this.#asked = this.#ports ?? this.#asked
    await this.#writeConfig(this.#config)
    const deadline = performance.now() + (this.#ports === undefined ? 0 : rebindLimitMs)
    const run = await waitUntil(
      async () => {
        try {
          return await runNatsServer(this.#binary, this.name, this.#folder)
        } catch (error) {
          if (isSignetError(error, 'SIGNET_PORT_TAKEN') && performance.now() < deadline) {
            return undefined
          }
          throw error
        }
      },
      rebindLimitMs,
      () => this.#failed('could not start again'),
    )
    this.#run = run
    this.#ports = run.ports
  }

  /**
   * Has it take another configuration while it runs. Where it refuses: SIGNET_START_FAILED with its
   * reason, and it goes on with the old one.
   */
  async reload(config: string = this.#config): Promise<void> {
    const run = this.#running()
    if (run === undefined) throw await this.#failed('does not run, so it cannot reload')
    const before = (await readLog(this.#folder)).length
    await this.#writeConfig(config)
    run.signal('SIGHUP')
    const said = await waitUntil(
      async () => reloadOutcome((await readLog(this.#folder)).slice(before)),
      reloadLimitMs,
      () => this.#failed('did not say what came of a reload'),
    )
    if (said.startsWith('Reloaded')) {
      this.#config = config
      return
    }
    await this.#writeConfig(this.#config)
    throw await this.#failed('refused its new configuration')
  }

  /** What a monitoring endpoint (`/varz`, `/gatewayz?accs=1`) answers. Rejects where it cannot be asked. */
  async monitor(path: string): Promise<unknown> {
    const response = await fetch(this.monitorUrl + path, { signal: AbortSignal.timeout(2_000) })
    return response.json()
  }

  /** Stops it and removes its files, unless their folder was given. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    if (this.#ownsDir) await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }

  #running(): NatsRun | undefined {
    return this.#run?.hasEnded() === false ? this.#run : undefined
  }

  #portsNow(): NatsPorts {
    if (this.#ports !== undefined) return this.#ports
    throw new SignetError('SIGNET_INTERNAL', `${this.name} has no ports before its first start`)
  }

  async #writeConfig(config: string): Promise<void> {
    const { client, monitor } = this.#asked
    const own = [
      `listen: "127.0.0.1:${client}"`,
      `http: "127.0.0.1:${monitor}"`,
      `ports_file_dir: ${JSON.stringify(this.#folder.ports)}`,
      `store_dir: ${JSON.stringify(this.#folder.store)}`,
    ]
    await writeFile(this.#folder.config, `${own.join('\n')}\n${config}\n`)
  }

  async #failed(what: string): Promise<SignetError> {
    const log = tailOf(await readLog(this.#folder))
    return new SignetError('SIGNET_START_FAILED', `${this.name} ${what}; its log ends:\n${log}`, {
      details: { name: this.name, log: this.#folder.log },
    })
  }
}

function reloadOutcome(log: string): string | undefined {
  return /(Reloaded|Failed to reload) server configuration/.exec(log)?.[0]
}
