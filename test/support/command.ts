import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { passwordOf } from '../../src/demo/secured-servers.ts'
import type { Rig } from './federation.ts'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `signet` command that runs in a stamp, as a process. */
export interface Running {
  /** What it has written so far. */
  readonly stdout: () => string
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
}

/** Who asks: one who may change something, where the servers tell users apart. */
function operator({ federation }: Rig): Record<string, string> {
  if (federation.options.secured === true) return person('operator')
  return { SIGNET_NATS_USER: 'fed', SIGNET_NATS_PASSWORD: 'fed' }
}

/** One of the people that the servers of `signet topology nats-config` know. */
export function person(user: 'reader' | 'operator'): Record<string, string> {
  return { SIGNET_NATS_USER: user, SIGNET_NATS_PASSWORD: passwordOf(user) }
}

/** Runs a command as somebody with a shell in a stamp would: no setting but the gateway and the topology. */
export function start(
  rig: Rig,
  stamp: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: {
      PATH: process.env['PATH'],
      SIGNET_TOPOLOGY: rig.federation.topologyDir,
      SIGNET_NATS_URL: rig.supercluster.gatewayOf(stamp).url,
      ...operator(rig),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return {
    // Not `exit`: what it wrote last comes after that.
    ended: once(child, 'close').then(() => ({ code: child.exitCode, stdout, stderr })),
    stdout: () => stdout,
    kill: (signal) => {
      child.kill(signal)
    },
  }
}

export function signet(
  rig: Rig,
  stamp: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return start(rig, stamp, args, environment).ended
}

/** What a command printed with `--json`, where it ended well. */
export function answerOf({ code, stdout, stderr }: Ended): unknown {
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
  return JSON.parse(stdout)
}
