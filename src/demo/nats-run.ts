import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SignetError } from '../errors.ts'
import { dropFromLeash, holdOnLeash } from './leash.ts'
import { reasonOf, systemCode } from './system-error.ts'
import { waitUntil } from './wait-until.ts'

/** Ports of 127.0.0.1. */
export interface NatsPorts {
  readonly client: number
  readonly monitor: number
}

/** Where the parts of one server's folder are. */
export interface NatsFolder {
  readonly config: string
  readonly log: string
  readonly store: string
  /** A folder of its own: the server chooses the file's name. */
  readonly ports: string
}

/** How a nats-server is run, beyond its configuration. */
export interface NatsRunOptions {
  /** All of its environment; default: ours. */
  readonly environment?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
}

/** One run of a nats-server, from its start to its end. */
export interface NatsRun {
  readonly pid: number
  readonly ports: NatsPorts
  readonly signal: (signal: NodeJS.Signals) => void
  readonly hasEnded: () => boolean
  /** Whether it has ended `limitMs` from now; settles as soon as it has. */
  readonly endsWithin: (limitMs: number) => Promise<boolean>
}

const startLimitMs = 10_000

export function natsFolder(dir: string): NatsFolder {
  return {
    config: join(dir, 'nats.conf'),
    log: join(dir, 'nats.log'),
    store: join(dir, 'store'),
    ports: join(dir, 'ports'),
  }
}

/**
 * Runs `binary` with the configuration in `folder` and resolves when it accepts clients. Rejects with
 * the end of its log: SIGNET_PORT_TAKEN where a port that the configuration names is in use,
 * SIGNET_START_FAILED otherwise.
 */
export async function runNatsServer(
  binary: string,
  name: string,
  folder: NatsFolder,
  how: NatsRunOptions = {},
): Promise<NatsRun> {
  // A file left by a killed run would be taken for this one's, should the process id come round again.
  await rm(folder.ports, { recursive: true, force: true })
  await mkdir(folder.ports, { recursive: true })
  const logStart = (await readLog(folder)).length
  const run = await launch(binary, name, folder, how)
  try {
    const ports = await waitUntil(
      async () => {
        if (run.hasEnded()) throw await failed(name, 'ended at its start', folder, logStart)
        return readPorts(folder, run.pid)
      },
      startLimitMs,
      () => failed(name, `accepted no clients within ${startLimitMs} ms`, folder, logStart),
    )
    return { ...run, ports }
  } catch (error) {
    run.signal('SIGKILL')
    throw error
  }
}

/** All that the server has logged, over all of its runs; empty before the first. */
export async function readLog(folder: NatsFolder): Promise<string> {
  try {
    return await readFile(folder.log, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}

/** The last lines of a log, for an error message. */
export function tailOf(log: string): string {
  return log.trimEnd().split('\n').slice(-12).join('\n')
}

async function launch(
  binary: string,
  name: string,
  folder: NatsFolder,
  { environment, args = [] }: NatsRunOptions,
): Promise<Omit<NatsRun, 'ports'>> {
  const log = await open(folder.log, 'a')
  try {
    // Apart from the terminal's process group: Ctrl-C is for the program, which ends its servers in
    // its own order.
    const child = await started(name, () =>
      spawn(binary, ['-c', folder.config, ...args], {
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
        ...(environment === undefined ? {} : { env: environment }),
      }),
    )
    const { pid } = child
    let ended = false
    const end = new Promise<void>((resolve) => {
      child.once('exit', () => {
        ended = true
        dropFromLeash(pid)
        resolve()
      })
    })
    holdOnLeash(pid)
    child.unref()
    return {
      pid,
      signal: (signal) => child.kill(signal),
      hasEnded: () => ended,
      endsWithin: (limitMs) => settlesWithin(end, limitMs),
    }
  } finally {
    await log.close()
  }
}

async function started(
  name: string,
  start: () => ChildProcess,
): Promise<ChildProcess & { readonly pid: number }> {
  try {
    const child = start()
    await once(child, 'spawn')
    if (child.pid === undefined) throw new Error('it has no process id')
    return Object.assign(child, { pid: child.pid })
  } catch (error) {
    const message = `${name} could not be run: ${reasonOf(error)}`
    throw new SignetError('SIGNET_START_FAILED', message, { cause: error })
  }
}

async function settlesWithin(end: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  try {
    return await Promise.race([end.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

async function readPorts(folder: NatsFolder, pid: number): Promise<NatsPorts | undefined> {
  const file = (await readdir(folder.ports)).find((name) => name.endsWith(`_${pid}.ports`))
  if (file === undefined) return undefined
  const text = await readFile(join(folder.ports, file), 'utf8').catch(() => '')
  const [client, monitor] = ['nats', 'monitoring'].map((key) =>
    Number(new RegExp(`"${key}":\\["\\w+://[^"]*:(\\d+)"`).exec(text)?.[1]),
  )
  // The server creates the file before it has written it.
  return client && monitor ? { client, monitor } : undefined
}

async function failed(
  name: string,
  what: string,
  folder: NatsFolder,
  logStart: number,
): Promise<SignetError> {
  const log = (await readLog(folder)).slice(logStart)
  // The server has no other way to say so.
  const code = /address already in use/i.test(log) ? 'SIGNET_PORT_TAKEN' : 'SIGNET_START_FAILED'
  return new SignetError(code, `${name} ${what}; its log ends:\n${tailOf(log)}`, {
    details: { name, log: folder.log },
  })
}
