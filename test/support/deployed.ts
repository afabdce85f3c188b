import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTopologyNatsConfig } from '../../src/commands/topology-nats-config.ts'
import { freePorts } from '../../src/demo/free-port.ts'
import type { NatsFolder, NatsRun } from '../../src/demo/nats-run.ts'
import { natsFolder, runNatsServer } from '../../src/demo/nats-run.ts'
import { isSignetError } from '../../src/errors.ts'
import { natsServerBinary } from './nats-server.ts'

/** A server from deploy/nats: which file, whose accounts, and what its environment says. */
export interface DeployedPlan {
  readonly name: string
  readonly file: string
  /** As in `signet topology nats-config --out`: `gateway-eu`. */
  readonly accounts: string
  readonly environment: Readonly<Record<string, string>>
}

/** A nats-server that runs with a file of deploy/nats as it is, its accounts beside it. */
export class DeployedServer implements AsyncDisposable {
  readonly name: string
  readonly #folder: NatsFolder
  readonly #environment: Readonly<Record<string, string>>
  #run: NatsRun | undefined

  constructor(name: string, folder: NatsFolder, environment: Readonly<Record<string, string>>) {
    this.name = name
    this.#folder = folder
    this.#environment = environment
  }

  get url(): string {
    return `nats://${this.#environment['NATS_CLIENTS']}`
  }

  async start(): Promise<void> {
    const environment = this.#environment
    const args = ['--ports_file_dir', this.#folder.ports]
    this.#run = await runNatsServer(await natsServerBinary(), this.name, this.#folder, {
      environment,
      args,
    })
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    this.#run?.signal('SIGKILL')
    await this.#run?.endsWithin(10_000)
  }

  async monitor(path: string): Promise<Readonly<Record<string, unknown>>> {
    const url = `http://${this.#environment['NATS_MONITOR']}${path}`
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return (await response.json()) as Readonly<Record<string, unknown>>
  }

  log(): Promise<string> {
    return readFile(this.#folder.log, 'utf8')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

/**
 * Starts servers with the accounts that the command line makes for a topology. `plan` gets as many free ports as it
 * takes; where one of them is taken meanwhile, all are chosen anew.
 */
export async function startDeployed(
  dir: string,
  accounts: { readonly leaf?: readonly string[]; readonly together?: readonly string[] },
  plan: (port: () => string) => readonly DeployedPlan[],
): Promise<ReadonlyMap<string, DeployedServer>> {
  const out = join(dir, 'accounts')
  await runTopologyNatsConfig({
    dir: join(dir, 'topology'),
    out,
    json: false,
    color: false,
    joined: [],
    leaf: [],
    together: [],
    renew: [],
    force: false,
    credential: 'password',
    format: 'conf',
    stdout: { write: () => undefined },
    stderr: { write: () => undefined },
    ...accounts,
  })
  for (let attempt = 1; ; attempt += 1) {
    const servers = new Map<string, DeployedServer>()
    const ports = await freePorts(60)
    try {
      const plans = plan(() => `127.0.0.1:${ports.pop() ?? 0}`)
      await Promise.all(
        plans.map(async (it) => {
          const server = await prepared(join(dir, it.name), out, it)
          servers.set(it.name, server)
          await server.start()
        }),
      )
      return servers
    } catch (error) {
      await Promise.all([...servers.values()].map((server) => server.kill()))
      if (attempt === 3 || !isSignetError(error, 'SIGNET_PORT_TAKEN')) throw error
    }
  }
}

async function prepared(dir: string, out: string, plan: DeployedPlan): Promise<DeployedServer> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const folder = natsFolder(dir)
  await copyFile(join('deploy', 'nats', plan.file), folder.config)
  const accounts = await readFile(join(out, `${plan.accounts}.accounts.conf`), 'utf8')
  await writeFile(join(dir, 'accounts.conf'), accounts)
  return new DeployedServer(plan.name, folder, {
    NATS_NAME: plan.name,
    NATS_STORE: folder.store,
    NATS_STORE_LIMIT: '1GB',
    NATS_TLS_CERT: join(process.cwd(), 'test/fixtures/tls/loopback.pem'),
    NATS_TLS_KEY: join(process.cwd(), 'test/fixtures/tls/loopback.key'),
    NATS_TLS_CA: join(process.cwd(), 'test/fixtures/tls/ca.pem'),
    ...passwords(accounts),
    ...plan.environment,
  })
}

/** Of every user that the accounts name. */
function passwords(accounts: string): Record<string, string> {
  const names = [...accounts.matchAll(/\$(NATS_PASSWORD_\w+)/g)].map(([, name = '']) => name)
  return Object.fromEntries(names.map((name) => [name, `secret-of-${name}`]))
}
