import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { DemoAddresses } from '../demo/demo-addresses.ts'
import { addressesOf, drawAddresses } from '../demo/demo-addresses.ts'
import type { Mischief } from '../demo/demo-integrations.ts'
import type { Line } from '../view/line.ts'
import { paintLine } from '../view/line.ts'
import type { DemoPlan } from '../demo/demo-plan.ts'
import { planDemo } from '../demo/demo-plan.ts'
import { drawReport } from '../demo/demo-report-view.ts'
import type { DemoReport } from '../demo/demo-report.ts'
import type { Demo } from '../demo/demo-run.ts'
import { runDemo } from '../demo/demo-run.ts'
import type { ShowStream } from '../demo/demo-show.ts'
import { startShow } from '../demo/demo-show.ts'
import type { FoundNatsServer } from '../demo/nats-server-binary.ts'
import { describeNatsServer, findNatsServer } from '../demo/nats-server-binary.ts'
import { usableVersion } from '../demo/nats-server-version.ts'
import { isSignetError, SignetError } from '../errors.ts'
import { paintFor, writeJson } from './topology-output.ts'

export interface DemoCommand {
  readonly json: boolean
  readonly keep: boolean
  /** How many, 1 or more. */
  readonly stamps: number
  readonly seed: number
  /** A path, in place of a search. */
  readonly natsServer?: string
  readonly stdout: ShowStream
  readonly stderr: ShowStream
  /** Whether terminals may be given colours. */
  readonly color: boolean
  /** Whether terminals may be drawn on: not where the terminal is a dumb one. */
  readonly live: boolean
  /** Aborted by the first signal: everything is ended and removed. */
  readonly stopped: AbortSignal
  /** Has integrations misbehave; from code only. */
  readonly mischief?: Mischief
}

/** What `--json` prints. */
type DemoAnswer = DemoReport & {
  readonly natsServer: { readonly version: string; readonly from: string }
  /** With `--keep`. */
  readonly addresses?: DemoAddresses
}

const INTERRUPTED = 130
/** From so many stamps on, the start takes long enough to say so. */
const many = 12
const agentMegabytes = 80

/**
 * `signet demo`: a delivery through a federation on this machine, made of real servers and agents.
 * Resolves with the exit code: 0 when everything was as it should be, 1 when not, 130 when it was
 * interrupted. Throws what kept it from starting.
 */
export async function runDemoCommand(command: DemoCommand): Promise<number> {
  const { stderr, stamps, seed, stopped } = command
  const found = await natsServer(command)
  if (stopped.aborted) return INTERRUPTED
  stderr.write(`${describeNatsServer(found)}\n`)
  if (stamps >= many) stderr.write(`${warning(stamps)}\n`)
  const dir = await mkdtemp(join(tmpdir(), 'signet-demo-'))
  let isKept = false
  try {
    const code = await runIn(dir, command, planDemo({ count: stamps, seed }), found)
    isKept = code === 1
    return code
  } catch (error) {
    if (stopped.aborted) return INTERRUPTED
    isKept = true
    throw withLogs(error, dir)
  } finally {
    if (!isKept) await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function runIn(
  dir: string,
  command: DemoCommand,
  plan: DemoPlan,
  found: FoundNatsServer,
): Promise<number> {
  const { json, keep, stdout, stderr, stopped } = command
  const demo = await show(dir, command, plan, found)
  try {
    const { report } = demo
    const addresses = keep ? await addressesOf(demo, logsIn(dir)) : undefined
    const { version, from } = found
    const answer: DemoAnswer = {
      ...report,
      natsServer: { version, from },
      ...(addresses === undefined ? {} : { addresses }),
    }
    if (json) writeJson(stdout, answer)
    else write(command, stdout, drawReport(plan, report, stdout.columns ?? 80))
    if (!report.ok) {
      if (json) for (const problem of report.problems) stderr.write(`signet: ${problem}\n`)
      stderr.write(`The logs are in ${logsIn(dir)}\n`)
    }
    if (addresses !== undefined) {
      write(command, json ? stderr : stdout, drawAddresses(addresses))
      await aborted(stopped)
    }
    if (stopped.aborted) return INTERRUPTED
    return report.ok ? 0 : 1
  } finally {
    await demo.close()
  }
}

async function show(
  dir: string,
  command: DemoCommand,
  plan: DemoPlan,
  found: FoundNatsServer,
): Promise<Demo> {
  const { stopped, mischief } = command
  const stream = command.json ? command.stderr : command.stdout
  const began = performance.now()
  const now = (): number => performance.now() - began
  const isLive = command.live && stream.isTTY === true
  const paint = paintFor(command.color && stream.isTTY === true)
  const picture = startShow({ plan, stream, paint, now, isLive })
  const end = (): void => picture.end()
  // At once, so that whoever presses Ctrl-C has the terminal back while everything is tidied up.
  stopped.addEventListener('abort', end, { once: true })
  try {
    const cli = join(import.meta.dirname, '..', `cli${extname(import.meta.filename)}`)
    const hear = picture.hear.bind(picture)
    return await runDemo({
      plan,
      binary: found.path,
      cli,
      dir,
      hear,
      now,
      stopped,
      ...(mischief && { mischief }),
    })
  } finally {
    end()
  }
}

async function natsServer({ natsServer: path, stderr, stopped }: DemoCommand) {
  if (path !== undefined) {
    try {
      return { path, version: await usableVersion(path), from: path, passedOver: [] }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new SignetError('SIGNET_USAGE', `--nats-server: ${why}`, { cause: error })
    }
  }
  const progress = (line: string): unknown => stderr.write(`${line}\n`)
  const wait = (): void => {
    progress('The search for a nats-server ends first; Ctrl-C again ends at once.')
  }
  stopped.addEventListener('abort', wait, { once: true })
  try {
    return await findNatsServer({ progress })
  } catch (error) {
    if (isSignetError(error, 'SIGNET_NO_NATS_SERVER')) {
      for (const { source, reason } of tried(error)) progress(`${source}: ${reason}`)
    }
    throw error
  } finally {
    stopped.removeEventListener('abort', wait)
  }
}

function tried({ details }: SignetError): FoundNatsServer['passedOver'] {
  return (details['tried'] ?? []) as FoundNatsServer['passedOver']
}

function warning(stamps: number): string {
  const gigabytes = (((stamps + 1) * agentMegabytes) / 1024).toFixed(1)
  return `${stamps + 1} agents of about ${agentMegabytes} MB each take ${gigabytes} GB, and a while to start.`
}

function logsIn(dir: string): string {
  return join(dir, 'logs')
}

/** A failure that says where to read on. */
function withLogs(error: unknown, dir: string): unknown {
  if (!isSignetError(error)) return error
  const { code, message, details } = error
  const whole = `${message}\nThe logs of the agents are in ${logsIn(dir)}, those of the servers in ${join(dir, 'nats')}.`
  return new SignetError(code, whole, { cause: error, details })
}

function write({ color }: DemoCommand, stream: ShowStream, lines: readonly Line[]): void {
  const paint = paintFor(color && stream.isTTY === true)
  stream.write(lines.map((line) => `${paintLine(line, paint)}\n`).join(''))
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
