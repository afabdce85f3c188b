import type { Command } from 'commander'
import { Option } from 'commander'
import type { HubCommand } from './commands/ask-hub.ts'
import type { StampVerb } from './commands/stamp.ts'
import { agentTable, gatewayTable } from './config/settings-schema.ts'
import { flagName } from './config/settings-source.ts'
import type { Flags } from './config/settings-source.ts'
import type { SettingTable } from './config/setting.ts'

/** What the commands that ask a hub share; set up by cli.ts. */
export interface HubCli {
  readonly version: string
  readonly stopped: AbortSignal
  /** Whether colours may be used on stdout. */
  readonly color: boolean
  readonly ended: (exitCode: number) => void
}

/** Exit code of a command that a signal ended, as shells write it. */
const INTERRUPTED = 130

/** The commands that ask the hub of a control plane, from any stamp (DESIGN 8). */
export function addHubCommands(signet: Command, cli: HubCli): void {
  addStatus(signet, cli)
  addStamp(signet, cli)
}

function addStatus(signet: Command, cli: HubCli): void {
  hubCommand(signet, 'status', 'the federation now: stamps, links, what is open').action(
    async (flags: Flags) => {
      const { runStatus } = await import('./commands/status.ts')
      await run(cli, flags, (command) => runStatus(command))
    },
  )
}

function addStamp(signet: Command, cli: HubCli): void {
  const stamp = signet.command('stamp').description('list stamps, let them in, and drain them')
  hubCommand(stamp, 'ls', 'every stamp, and those that are not let in').action(
    async (flags: Flags) => {
      const { runStampLs } = await import('./commands/stamp.ts')
      await run(cli, flags, (command) => runStampLs(command))
    },
  )
  const changes = {
    approve: 'let in a stamp that waits for it; a drained one takes tasks again',
    drain: 'no new tasks for a stamp; what it runs goes on',
    undrain: 'let a drained stamp take tasks again',
  } as const
  for (const [verb, description] of Object.entries(changes) as [StampVerb, string][])
    hubCommand(stamp, verb, description)
      .argument('<name>', 'the stamp')
      .action(async (name: string, flags: Flags) => {
        const { runStampChange } = await import('./commands/stamp.ts')
        await run(cli, flags, (command) => runStampChange(command, verb, name))
      })
}

/** A new command of `parent` with the flags that it takes to reach a hub. */
export function hubCommand(parent: Command, name: string, description: string): Command {
  const command = parent.command(name).description(description)
  command.option('--json', 'the answer as JSON')
  command.option('--federation <name>', 'the federation; without it, that of the topology')
  command.option('--control-plane <name>', 'the control plane, where the topology has several')
  command.option('--config <file>', 'a YAML file with settings (SIGNET_CONFIG)')
  const reach: SettingTable = { topology: agentTable.topologyDir, ...gatewayTable }
  for (const { name: setting, sentence, variables, isSecret } of Object.values(reach)) {
    if (isSecret === true) continue
    command.addOption(new Option(`${flagName(setting)} <value>`, `${sentence} (${variables[0]})`))
  }
  return command
}

/** Runs a command that asks a hub, and tells cli.ts its exit code. */
export async function run(
  cli: HubCli,
  flags: Flags,
  command: (command: HubCommand) => Promise<number>,
): Promise<void> {
  const { version, stopped, color, ended } = cli
  const { stdout, stderr, env } = process
  const json = flags['json'] === true
  try {
    ended(await command({ environment: env, flags, version, json, stdout, stderr, color, stopped }))
  } catch (error) {
    // Whatever it was waiting for: whoever ended it does not want to read about it.
    if (!stopped.aborted) throw error
    ended(INTERRUPTED)
  }
}
