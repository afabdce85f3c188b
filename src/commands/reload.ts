import { isDeepStrictEqual } from 'node:util'
import type { Agent } from '../agent.ts'
import type { Configuration, ConfigurationFiles } from '../config/configuration.ts'
import { parseConfiguration, readConfiguration } from '../config/configuration.ts'
import type { ConfigurationWatchOptions } from '../config/configuration-watch.ts'
import { ConfigurationWatch } from '../config/configuration-watch.ts'
import { settingsChange } from '../config/settings-change.ts'
import type { Environment, Flags } from '../config/settings-source.ts'
import { stampInTopology } from '../config/settings-stamp.ts'
import type { Settings } from '../config/settings.ts'
import { topologyChange, whyNotReload } from '../domain/topology-change.ts'
import type { Topology } from '../domain/topology.ts'
import type { AgentLog } from '../observe/log.ts'

export interface ReloaderOptions extends Pick<ConfigurationWatchOptions, 'pollMs' | 'settleMs'> {
  readonly environment: Environment
  readonly flags: Flags
  /** What the agent was started with. */
  readonly files: ConfigurationFiles
  readonly settings: Settings
  readonly topology: Topology
  readonly agent: Pick<Agent, 'reloads' | 'replaceTopology' | 'retune'>
  readonly log: AgentLog
}

/**
 * Keeps an agent up with its files: it goes over to what they say as a whole, or stays as it is and says
 * why.
 */
export class Reloader {
  readonly #options: ReloaderOptions
  readonly #watch: ConfigurationWatch
  #topology: Topology
  #dir: string
  /** The print of the files that the agent runs with. */
  #runs: string
  /** What is being prepared, and how to leave off. */
  #change: { readonly over: Promise<void>; readonly leave: AbortController } | undefined

  constructor(options: ReloaderOptions) {
    const { files, settings, topology, agent, log, environment, flags } = options
    this.#options = options
    this.#topology = topology
    this.#dir = settings.topologyDir
    this.#runs = files.print
    this.#watch = new ConfigurationWatch({
      ...options,
      read: () => readConfiguration(environment, flags, this.#dir),
      onFound: (found, isAsked) => this.#found(found, isAsked),
      onError: (error) => {
        log.error({ error }, 'The files could not be compared with what runs.')
      },
    })
    agent.reloads.started(files.revision)
  }

  start(): void {
    this.#watch.start()
  }

  /** Looks at the files now, and says what came of it. What was refused is tried again. */
  ask(): void {
    this.#watch.ask()
  }

  async stop(): Promise<void> {
    await this.#watch.stop()
    await this.#leave()
  }

  async #found(files: ConfigurationFiles, isAsked: boolean): Promise<void> {
    const { agent, log, settings: started } = this.#options
    await this.#leave()
    if (files.print === this.#runs) {
      agent.reloads.same()
      log.info(
        {},
        `Topology and settings are what this agent runs with${isAsked ? '.' : ' again.'}`,
      )
      return
    }
    const parsed = parseConfiguration(files)
    if (!parsed.ok) {
      this.#refuse(parsed.mistakes)
      return
    }
    const { configuration } = parsed
    const found = stampInTopology(configuration.topology, started)
    // One that says where it stands joins where no file lists it.
    const own = started.geo === undefined ? started.stamp : undefined
    const reasons = whyNotReload(this.#topology, configuration.topology, own)
    if (reasons.length > 0) this.#refuse(reasons)
    else if (!found.ok) this.#refuse([found.message])
    else this.#begin(files, configuration)
  }

  #refuse(mistakes: readonly string[]): void {
    const { agent, log } = this.#options
    agent.reloads.differs({ kind: 'refused', mistakes })
    log.error(
      { mistakes },
      'The changed files are refused as a whole; this agent goes on as before.',
    )
  }

  /** Not waited for: while the hub store is away, newer files may come. */
  #begin(files: ConfigurationFiles, configuration: Configuration): void {
    const leave = new AbortController()
    const over = this.#apply(files, configuration, leave.signal).catch((error: unknown) => {
      if (!leave.signal.aborted)
        this.#refuse([error instanceof Error ? error.message : String(error)])
    })
    this.#change = { over, leave }
  }

  /** Leaves off what is being prepared, unless the agent has just gone over to it. */
  async #leave(): Promise<void> {
    this.#change?.leave.abort()
    await this.#change?.over
    this.#change = undefined
  }

  async #apply(
    files: ConfigurationFiles,
    { settings, topology, warnings }: Configuration,
    signal: AbortSignal,
  ): Promise<void> {
    const { agent, log } = this.#options
    agent.reloads.differs({ kind: 'waits' })
    const change = topologyChange(this.#topology, topology)
    // Equal topologies stay one, so that nothing is made anew for a comment.
    if (!isDeepStrictEqual(this.#topology, topology)) {
      await agent.replaceTopology(topology, signal)
      this.#topology = topology
    }
    agent.retune(settings)
    log.setLevel(settings.logLevel)
    this.#dir = settings.topologyDir
    this.#runs = files.print
    const { restart } = settingsChange(this.#options.settings, settings)
    agent.reloads.applied(files.revision, restart)
    for (const warning of warnings) log.warn({}, warning)
    log.info({ ...change, topology: files.revision }, 'Topology and settings are taken over.')
    if (restart.length > 0)
      log.warn({ settings: restart }, 'These settings wait for the next start of this agent.')
  }
}
