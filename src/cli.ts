#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { addDoctor } from './cli-doctor.ts'
import type { HubCli } from './cli-hub-command.ts'
import { addHubCommands } from './cli-hub.ts'
import type { NatsConfigCommand } from './commands/topology-nats-config.ts'
import type { TopologyCommand } from './commands/topology-output.ts'
import { runTopologyCheck } from './commands/topology-check.ts'
import { runTopologyExplain } from './commands/topology-explain.ts'
import { runTopologyRender } from './commands/topology-render.ts'
import { settingGroups } from './config/settings-schema.ts'
import { flagName } from './config/settings-source.ts'
import type { Flags } from './config/settings-source.ts'
import type { SettingTable } from './config/setting.ts'
import { SignetError } from './errors.ts'
import { packageVersion } from './version.ts'

// Arguments, signals and exit codes; nothing else touches process.argv, process.on and process.exit.

const USAGE = 2
/** Exit code of a program that a second signal ended, as shells write it. */
const INTERRUPTED = 130

const stopped = onSignals()
let exitCode = 0
try {
  await program().parseAsync(process.argv)
} catch (error) {
  exitCode = report(error)
}
process.exitCode = exitCode

function program(): Command {
  const version = packageVersion()
  const signet = new Command('signet')
    .description('Lets one Keptn v1 control plane drive delivery across geos, rings and stamps.')
    .version(version, '-V, --version')
    .showHelpAfterError('(signet --help tells more)')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .exitOverride()
  addAgent(signet, version)
  addDistributor(signet, version)
  addDemo(signet)
  addTopology(signet)
  const cli: HubCli = {
    version,
    stopped,
    color: hasColor(),
    ended: (code) => {
      exitCode = code
    },
  }
  addHubCommands(signet, cli)
  addDoctor(signet, cli)
  return signet
}

function addAgent(signet: Command, version: string): void {
  const agent = signet
    .command('agent')
    .description('run the agent of a stamp; settings come from flags, environment and file')
    .option('--config <file>', 'a YAML file with settings (SIGNET_CONFIG)')
  for (const { title, table } of settingGroups) {
    if (title === 'The public Keptn API' || title === 'In place of a distributor') continue
    for (const { name, sentence, variables, default: value, isSecret } of rows(table)) {
      if (isSecret === true) continue
      const fallback = value === undefined ? '' : `; default ${value}`
      agent.addOption(
        new Option(`${flagName(name)} <value>`, `${sentence} (${variables[0]}${fallback})`),
      )
    }
  }
  agent.action(async (flags: Flags) => {
    const { runAgent } = await import('./commands/agent.ts')
    const onHangUp = (listener: () => void): void => {
      process.on('SIGHUP', listener)
    }
    exitCode = await runAgent({ environment: process.env, flags, version, stopped, onHangUp })
  })
}

function addDistributor(signet: Command, version: string): void {
  signet
    .command('distributor')
    .description('take the place of a distributor of Keptn; settings come from its environment')
    .action(async () => {
      const { runDistributor } = await import('./commands/distributor.ts')
      exitCode = await runDistributor({ environment: process.env, version, stopped })
    })
}

function addDemo(signet: Command): void {
  signet
    .command('demo')
    .description('run a delivery through a federation on this machine; exit 1 if anything is wrong')
    .option('--stamps <n>', 'how many, in two geos and two rings', wholeNumber(1), 4)
    .option('--seed <n>', 'decides how long the work takes in each stamp', wholeNumber(0), 1)
    .option('--keep', 'leave everything running at the end, with its addresses, until Ctrl-C')
    .option('--nats-server <path>', 'the nats-server to run, instead of one that is looked for')
    .option('--json', 'the report as JSON')
    .action(async ({ json, keep, ...options }: DemoOptions) => {
      const { stdout, stderr, env } = process
      const { runDemoCommand } = await import('./commands/demo.ts')
      exitCode = await runDemoCommand({
        ...options,
        json: json === true,
        keep: keep === true,
        stdout,
        stderr,
        color: wantsColor(),
        live: env['TERM'] !== 'dumb',
        stopped,
      })
    })
}

interface DemoOptions {
  readonly stamps: number
  readonly seed: number
  readonly natsServer?: string
  readonly keep?: true
  readonly json?: true
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`)
  }
}

function addTopology(signet: Command): void {
  const topology = signet.command('topology').description('check, explain and draw a topology')
  topology
    .command('check')
    .description('validate a folder; exit 2 with every mistake')
    .argument('[dir]', 'the folder', defaultTopology())
    .option('--json', 'the answer as JSON')
    .action(async (dir: string, { json }: { json?: true }) => {
      exitCode = await runTopologyCheck(topologyCommand(dir, json))
    })
  topology
    .command('explain')
    .description('which stamps an event goes to, and why')
    .requiredOption('--event <file>', 'a CloudEvent as JSON')
    .option('--topology <dir>', 'the folder', defaultTopology())
    .option('--control-plane <name>', 'the control plane that sends it')
    .option('--from <stamp>', 'the stamp that says it, for the residency of its way up')
    .option('--json', 'the answer as JSON')
    .action(async (options: ExplainOptions) => {
      const { event, topology: dir, controlPlane, from, json } = options
      exitCode = await runTopologyExplain({
        ...topologyCommand(dir, json),
        event,
        ...(controlPlane === undefined ? {} : { controlPlane }),
        ...(from === undefined ? {} : { from }),
      })
    })
  topology
    .command('render')
    .description('draw the map')
    .argument('[dir]', 'the folder', defaultTopology())
    .addOption(
      new Option('--format <format>', 'what to draw')
        .choices(['mermaid', 'dot', 'svg', 'json'])
        .default('mermaid'),
    )
    .option('--json', 'the same as --format json')
    .action(async (dir: string, { format, json }: RenderOptions) => {
      exitCode = await runTopologyRender({ ...topologyCommand(dir, json), format })
    })
  addNatsConfig(topology)
}

function addNatsConfig(topology: Command): void {
  topology
    .command('nats-config')
    .description(
      'accounts, users and least permissions for the NATS servers; secrets are variables',
    )
    .argument('[dir]', 'the folder', defaultTopology())
    .option('--stamp <name>', 'only the servers that this stamp connects to')
    .option('--joined <stamps...>', 'stamps that join by themselves, as <geo>/<name>', [])
    .option('--leaf <stamps...>', 'stamps whose server is a leaf node, and both of their sides', [])
    .option('--together <servers...>', 'servers that are one, with commas between their names', [])
    .addOption(
      new Option('--credential <kind>', 'how users show who they are')
        .choices(['password', 'nkey'])
        .default('password'),
    )
    .addOption(
      new Option('--format <format>', 'for nats-server, or tables to read')
        .choices(['conf', 'table'])
        .default('conf'),
    )
    .option('--out <folder>', 'write a file for each server there, instead of to stdout')
    .option('--force', 'replace files there that say something else')
    .option('--keys <folder>', 'with nkey: make keys too, and keep their seeds there')
    .option('--renew <users...>', 'users that get another key, with --keys', [])
    .option('--json', 'the answer as JSON')
    .action(async (dir: string, { json, ...options }: NatsConfigOptions) => {
      const { runTopologyNatsConfig } = await import('./commands/topology-nats-config.ts')
      exitCode = await runTopologyNatsConfig({
        ...topologyCommand(dir, json),
        ...options,
        force: options.force === true,
      })
    })
}

interface NatsConfigOptions extends Omit<NatsConfigCommand, keyof TopologyCommand | 'force'> {
  readonly force?: true
  readonly json?: true
}

interface ExplainOptions {
  readonly event: string
  readonly topology: string
  readonly controlPlane?: string
  readonly from?: string
  readonly json?: true
}

interface RenderOptions {
  readonly format: 'mermaid' | 'dot' | 'svg' | 'json'
  readonly json?: true
}

function topologyCommand(dir: string, json: true | undefined): TopologyCommand {
  const { stdout, stderr } = process
  return { dir, json: json === true, stdout, stderr, color: hasColor() }
}

function rows(table: SettingTable) {
  return Object.values(table)
}

function defaultTopology(): string {
  return process.env['SIGNET_TOPOLOGY'] ?? './topology'
}

/** Colours on a terminal only, and not against the reader's wish. */
function hasColor(): boolean {
  return process.stdout.isTTY && wantsColor()
}

function wantsColor(): boolean {
  const wish = process.env['NO_COLOR']
  return wish === undefined || wish === ''
}

/** The first signal asks for a drain, the second ends at once. */
function onSignals(): AbortSignal {
  const controller = new AbortController()
  const heard = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED)
    controller.abort()
  }
  process.on('SIGINT', heard)
  process.on('SIGTERM', heard)
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return controller.signal
}

/** Tells a failure to a person, and returns the exit code. Never a bare stack. */
function report(error: unknown): number {
  // Commander has told it already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  if (error instanceof SignetError) {
    process.stderr.write(`signet: ${error.message}\n`)
    return error.exitCode
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const indented = detail.replaceAll('\n', '\n  ')
  process.stderr.write(
    `signet: something happened that Signet does not know (SIGNET_INTERNAL). Please report it with this:\n  ${indented}\n`,
  )
  return 1
}
