import type { Command } from 'commander'
import type { HubCli } from './cli-hub-command.ts'
import { hubCommand, run } from './cli-hub-command.ts'
import { addLetters } from './cli-letters.ts'
import type { StampVerb } from './commands/stamp.ts'
import type { Flags } from './config/settings-source.ts'
import { SignetError } from './errors.ts'

/** The commands that ask the hub of a control plane, from any stamp (DESIGN 8). */
export function addHubCommands(signet: Command, cli: HubCli): void {
  addStatus(signet, cli)
  addTrace(signet, cli)
  addRollout(signet, cli)
  addStamp(signet, cli)
  addLetters(signet, cli)
}

function addStatus(signet: Command, cli: HubCli): void {
  hubCommand(signet, 'status', 'the federation now: stamps, links, what is open')
    .option('--watch [seconds]', 'look again so often; default 2')
    .option('--geo <name>', 'only the stamps of this geo')
    .option('--ring <name>', 'only the stamps of this ring')
    .option('--all', 'a line for every stamp, also in large rings where all is well')
    .action(async ({ watch, geo, ring, all, ...flags }: Flags) => {
      const { runStatus } = await import('./commands/status.ts')
      const more = {
        ...(watch === undefined ? {} : { watchMs: watchMs(watch) }),
        ...(typeof geo === 'string' ? { geo } : {}),
        ...(typeof ring === 'string' ? { ring } : {}),
        full: all === true,
        live: process.stdout.isTTY && process.env['TERM'] !== 'dumb',
      }
      await run(cli, flags, (command) => runStatus({ ...command, ...more }))
    })
}

const LEAST_WATCH_S = 0.2

function watchMs(seconds: unknown): number {
  if (seconds === true) return 2_000
  const value = Number(seconds)
  if (Number.isFinite(value) && value >= LEAST_WATCH_S && value <= 3_600) return value * 1_000
  throw new SignetError('SIGNET_USAGE', `--watch must be seconds, ${LEAST_WATCH_S} to 3600.`)
}

function addTrace(signet: Command, cli: HubCli): void {
  hubCommand(
    signet,
    'trace',
    'every event of one context, in all stamps, with the time each step took',
  )
    .argument('<context>', 'a shkeptncontext')
    .option('--since <duration>', 'how far back to look', '24h')
    .action(async (context: string, { since, ...flags }: Flags) => {
      const { runTrace } = await import('./commands/trace.ts')
      await run(cli, flags, (command) => runTrace({ ...command, context, since: String(since) }))
    })
}

function addRollout(signet: Command, cli: HubCli): void {
  const rollout = signet
    .command('rollout')
    .description('look at tasks that go through stamps now, and hold or end them')
  hubCommand(rollout, 'ls', 'what is open').action(async (flags: Flags) => {
    const { runRolloutLs } = await import('./commands/rollout.ts')
    await run(cli, flags, (command) => runRolloutLs(command))
  })
  const id = 'the id of its .triggered, the beginning of one, or a context with one open rollout'
  hubCommand(rollout, 'show', 'one of them: each wave, each stamp, what is waited for')
    .argument('<id>', id)
    .action(async (wanted: string, flags: Flags) => {
      const { runRolloutShow } = await import('./commands/rollout.ts')
      await run(cli, flags, (command) => runRolloutShow(command, wanted))
    })
  for (const [steering, description] of [
    ['pause', 'let no further stamp begin; those that run go on'],
    ['resume', 'undo a pause'],
    ['abort', 'end it as failed; nobody is waited for'],
  ] as const)
    hubCommand(rollout, steering, description)
      .argument('<id>', id)
      .action(async (wanted: string, flags: Flags) => {
        const { runRolloutSteering } = await import('./commands/rollout.ts')
        await run(cli, flags, (command) => runRolloutSteering(command, steering, wanted))
      })
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
