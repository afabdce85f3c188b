import type { Command } from 'commander'
import { Option } from 'commander'
import type { HubCli } from './cli-hub-command.ts'
import { interruptible } from './cli-hub-command.ts'
import type { SettingTable } from './config/setting.ts'
import { settingGroups } from './config/settings-schema.ts'
import type { Flags } from './config/settings-source.ts'
import { flagName } from './config/settings-source.ts'
import { SignetError } from './errors.ts'

/** `signet doctor`, with the flags that an agent has. */
export function addDoctor(signet: Command, cli: HubCli): void {
  const doctor = signet
    .command('doctor')
    .description('what is wrong with this stamp and how to mend it; exit 1 if anything is')
    .option('--offline', 'only what settings, topology and files say')
    .option('--only <names...>', 'only these checks or groups, such as DOC-304 or files', [])
    .option('--skip <names...>', 'all but these checks or groups', [])
    .option('--strict', 'warnings count as well')
    .option('--all', 'also what is well, and what could not be looked at')
    .option('--list', 'every check with its texts; nothing is looked at')
    .option('--agent-url <url>', 'the admin port of the agent, where it is not this machine’s')
    .option('--json', 'the answer as JSON')
    .option('--config <file>', 'a YAML file with settings (SIGNET_CONFIG)')
  for (const { table } of settingGroups.slice(0, 3))
    for (const { name, sentence, variables, isSecret } of Object.values(table as SettingTable)) {
      if (isSecret !== true)
        doctor.addOption(
          new Option(`${flagName(name)} <value>`, `${sentence} (${variables[0]})`).hideHelp(),
        )
    }
  doctor.addHelpText(
    'after',
    '\nThe flags of `signet agent` are known too; docs/doctor.md has every check.',
  )
  doctor.action(async (flags: DoctorFlags) => {
    const { runDoctor } = await import('./commands/doctor.ts')
    const { stdout, stderr, env } = process
    await interruptible(cli, () =>
      runDoctor({
        environment: env,
        flags,
        version: cli.version,
        json: flags.json === true,
        list: flags.list === true,
        all: flags.all === true,
        strict: flags.strict === true,
        offline: flags.offline === true,
        only: flags.only,
        skip: flags.skip,
        agentUrl: checkedUrl(flags.agentUrl),
        stdout,
        stderr,
        color: cli.color,
        live: stderr.isTTY && env['TERM'] !== 'dumb',
        stopped: cli.stopped,
      }),
    )
  })
}

interface DoctorFlags extends Flags {
  readonly offline?: true
  readonly only: readonly string[]
  readonly skip: readonly string[]
  readonly strict?: true
  readonly all?: true
  readonly list?: true
  readonly agentUrl?: string
  readonly json?: true
}

function checkedUrl(text: string | undefined): string | undefined {
  if (text === undefined || /^https?:\/\//.test(text)) return text
  throw new SignetError('SIGNET_USAGE', '--agent-url must be a URL, such as http://10.0.0.7:9090.')
}
