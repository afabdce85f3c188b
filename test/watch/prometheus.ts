import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { freePort } from '../../src/demo/free-port.ts'
import { eventually } from '../support/federation.ts'
import { RULES } from '../support/watched-queries.ts'

/** Where a program of Prometheus is: in the folder PROMETHEUS_BIN, or in PATH. */
async function programOf(name: 'prometheus' | 'promtool'): Promise<string> {
  const { PROMETHEUS_BIN, PATH = '' } = process.env
  for (const folder of PROMETHEUS_BIN === undefined ? PATH.split(delimiter) : [PROMETHEUS_BIN]) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  const where = PROMETHEUS_BIN === undefined ? 'in PATH' : `in ${PROMETHEUS_BIN} (PROMETHEUS_BIN)`
  throw new Error(
    `There is no ${name} ${where}. Debian's package "prometheus" has it; PROMETHEUS_BIN may name the folder.`,
  )
}

/** Runs promtool; rejects with what it says where something is wrong. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(await programOf('promtool'), args)
  return stdout
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

interface PrometheusOptions {
  /** The addresses of admin servers, `http://host:port`. */
  readonly targets: readonly string[]
  /** What stands in place of every `for` of the rules: nobody waits for hours in a test. */
  readonly alertAfter: string
}

/** A Prometheus that scrapes every second, with the rules that we ship. Ends when it is disposed of. */
export class Prometheus implements AsyncDisposable {
  readonly #dir: string
  readonly #url: string
  readonly #child: ChildProcess

  private constructor(dir: string, url: string, child: ChildProcess) {
    this.#dir = dir
    this.#url = url
    this.#child = child
  }

  static async start({ targets, alertAfter }: PrometheusOptions): Promise<Prometheus> {
    const program = await programOf('prometheus')
    const dir = await mkdtemp(join(tmpdir(), 'signet-prometheus-'))
    const rules = parse(await readFile(RULES, 'utf8')) as {
      groups: readonly { rules: { for?: string }[] }[]
    }
    for (const rule of rules.groups.flatMap((group) => group.rules))
      if (rule.for !== undefined) rule.for = alertAfter
    await writeFile(join(dir, 'rules.yaml'), stringify(rules))
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [
        {
          job_name: 'signet',
          static_configs: [{ targets: targets.map((target) => new URL(target).host) }],
        },
      ],
    }
    await writeFile(join(dir, 'prometheus.yaml'), stringify(config))
    const address = `127.0.0.1:${await freePort()}`
    const child = spawn(
      program,
      [
        `--config.file=${join(dir, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=${address}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const prometheus = new Prometheus(dir, `http://${address}`, child)
    await eventually(() => prometheus.#isReady(), 60_000, 'Prometheus is ready')
    return prometheus
  }

  /** The answer to a query now. */
  async query(expr: string): Promise<readonly Sample[]> {
    const { resultType, result } = await this.#get<{ resultType: string; result: unknown }>(
      `query?query=${encodeURIComponent(expr)}`,
    )
    if (resultType !== 'vector') throw new Error(`a ${resultType}: ${expr}`)
    return (result as { metric: Sample['metric']; value: [number, string] }[]).map((it) => ({
      metric: it.metric,
      value: Number(it.value[1]),
    }))
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#get<{ alerts: readonly Alert[] }>('alerts')).alerts
  }

  /** Those that fire, by name. */
  async firing(): Promise<readonly string[]> {
    const firing = (await this.alerts()).filter(({ state }) => state === 'firing')
    return [...new Set(firing.map(({ labels }) => labels['alertname'] ?? ''))]
  }

  /** What is wrong with rules that could not be evaluated, by name. */
  async brokenRules(): Promise<readonly string[]> {
    const { groups } = await this.#get<{
      groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[]
    }>('rules')
    return groups
      .flatMap(({ rules }) => rules)
      .filter(({ health }) => health !== 'ok')
      .map(({ name, health, lastError = '' }) => `${name}: ${health} ${lastError}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM')
      await once(this.#child, 'exit')
    }
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 3 })
  }

  async #isReady(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}`)
    return (await fetch(`${this.#url}/-/ready`)).ok
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`)
    const answer = (await response.json()) as { status: string; data: T; error?: string }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error ?? ''}`)
    return answer.data
  }
}
