import type { Command } from 'commander'
import { Option } from 'commander'
import type { HubCommand } from './commands/ask-hub.ts'
import type { SettingTable } from './config/setting.ts'
import { agentTable, gatewayTable } from './config/settings-schema.ts'
import type { Flags } from './config/settings-source.ts'
import { flagName } from './config/settings-source.ts'

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
export function run(
  cli: HubCli,
  flags: Flags,
  command: (command: HubCommand) => Promise<number>,
): Promise<void> {
  const { version, stopped, color } = cli
  const { stdout, stderr, env } = process
  const json = flags['json'] === true
  return interruptible(cli, () =>
    command({ environment: env, flags, version, json, stdout, stderr, color, stopped }),
  )
}

/** Runs a command that a signal may end while it waits, and tells cli.ts its exit code. */
export async function interruptible(
  { stopped, ended }: HubCli,
  command: () => Promise<number>,
): Promise<void> {
  try {
    ended(await command())
  } catch (error) {
    // Whatever it was waiting for: whoever ended it does not want to read about it.
    if (!stopped.aborted) throw error
    ended(INTERRUPTED)
  }
}
