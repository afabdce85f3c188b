import type { Command } from 'commander'
import { Option } from 'commander'
import type { HubCli } from './cli-hub-command.ts'
import { hubCommand, run } from './cli-hub-command.ts'
import type { LetterFlags } from './commands/dlq.ts'
import type { Flags } from './config/settings-source.ts'

/** The commands for what was set aside, and for what is to be sent again (DESIGN 8). */
export function addLetters(signet: Command, cli: HubCli): void {
  const dlq = signet
    .command('dlq')
    .description('look at dead letters, put them back, and purge them')
    .addHelpText('after', HTTPS)
  meant(hubCommand(dlq, 'ls', 'which there are, oldest first'))
    .option('--limit <n>', 'so many at most', '100')
    .option('--after <letter>', 'only those behind this one: the next page')
    .action(async (flags: Flags) => {
      const { runDlqLs } = await import('./commands/dlq.ts')
      const { filter, reach } = apart(flags)
      await run(cli, reach, (command) => runDlqLs(command, filter))
    })
  hubCommand(dlq, 'show', 'one of them: where it is from, why, and what to do about it')
    .argument('<letter>', 'its number, as ls has it')
    .option('--body', 'nothing but its body')
    .action(async (letter: string, { body, ...flags }: Flags) => {
      const { runDlqShow } = await import('./commands/dlq.ts')
      await run(cli, flags, (command) => runDlqShow(command, letter, body === true))
    })
  meant(hubCommand(dlq, 'retry', 'put letters back to where they came from, under their own ids'))
    .argument('[letters...]', 'their numbers; without them, by the filters')
    .option('--all', 'all that there are')
    .action(async (letters: string[], flags: Flags) => {
      const { runDlqRetry } = await import('./commands/dlq.ts')
      const { filter, reach } = apart(flags)
      await run(cli, reach, (command) => runDlqRetry(command, letters, filter))
    })
  meant(hubCommand(dlq, 'purge', 'forget letters for good'))
    .argument('[letters...]', 'their numbers; without them, by the filters')
    .option('--all', 'all that there are')
    .option('--yes', 'do not ask')
    .action(async (letters: string[], flags: Flags) => {
      const { runDlqPurge } = await import('./commands/dlq.ts')
      const { filter, reach } = apart(flags)
      await run(cli, reach, (command) => runDlqPurge(command, letters, filter))
    })
  addReplay(signet, cli)
}

function addReplay(signet: Command, cli: HubCli): void {
  hubCommand(signet, 'replay', 'send a stamp again what Keptn said, in order')
    .requiredOption('--to <stamp>', 'the stamp')
    .option('--context <id>', 'a shkeptncontext; without it, all of them')
    .option('--since <duration>', 'how far back; with --context the default is 7d')
    .option('--dry-run', 'only say what would go')
    .option('--force', 'also what the stamp has within its duplicate window: it is run again')
    .option('--run <name>', 'with --force: go on with a run that broke off, by its name')
    .action(async (flags: Flags) => {
      const { runReplay } = await import('./commands/replay.ts')
      const { filter, reach } = apart(flags)
      await run(cli, reach, (command) => runReplay(command, filter))
    })
}

/** What is asked for, apart from how the hub is reached: `--stamp` is a setting of agents, too. */
function apart(flags: Flags): { readonly filter: LetterFlags & Flags; readonly reach: Flags } {
  const entries = Object.entries(flags)
  return {
    filter: Object.fromEntries(entries.filter(([name]) => ASKED.has(name))),
    reach: Object.fromEntries(entries.filter(([name]) => !ASKED.has(name))),
  }
}

const ASKED: ReadonlySet<string> = new Set(
  'reason stamp direction context since limit after all yes to dryRun force run'.split(' '),
)

function meant(command: Command): Command {
  return command
    .option('--reason <reason>', 'only those with this reason')
    .option('--stamp <name>', 'only those that this stamp set aside')
    .addOption(
      new Option('--direction <direction>', 'only those on their way').choices(['down', 'up']),
    )
    .option('--context <id>', 'only those of this shkeptncontext')
    .option('--since <duration>', 'only those of the last hours or days, such as 24h')
}

const HTTPS = `
Where a stamp has the link https, its dead letters are in the stamp itself: in the stream
SIGNET_<federation>_<control plane>_DLQ of its Keptn NATS, which "nats stream view" shows.`
