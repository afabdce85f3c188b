import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SignetError } from '../errors.ts'
import { reasonOf, systemCode } from './system-error.ts'
import { waitUntil } from './wait-until.ts'

/** The oldest nats-server that Signet runs with (DESIGN 3). */
export const oldestNatsServer = '2.9.10'

// The first start of a binary that is not in the disk cache took 0.3 s on an idle machine.
const answerWithinMs = 10_000

/**
 * The version (`x.y.z`) that the binary at `path` names when it is run.
 * Rejects with SIGNET_NO_NATS_SERVER, whose message says why this one cannot be used: absent, not
 * runnable here, not a nats-server, or too old.
 */
export async function usableVersion(path: string): Promise<string> {
  const version = /nats-server: v(\d+\.\d+\.\d+)/.exec(await versionOutput(path))?.[1]
  if (version === undefined) throw unusable(path, 'does not answer --version as a nats-server does')
  if (isOlder(version, oldestNatsServer)) {
    throw unusable(path, `is ${version}, and ${oldestNatsServer} or newer is needed`)
  }
  return version
}

/** Whether version `a` comes before `b`; both are `x.y.z`. */
export function isOlder(a: string, b: string): boolean {
  return a.localeCompare(b, 'en', { numeric: true }) < 0
}

async function versionOutput(path: string): Promise<string> {
  try {
    return await waitUntil(
      () => outputUnlessBusy(path),
      answerWithinMs,
      () => new Error('it is being written'),
    )
  } catch (error) {
    throw unusable(path, `cannot be run (${reasonOf(error)})`, error)
  }
}

/** Undefined while a child that is just being forked has the file open for writing, as we had when we copied it. */
async function outputUnlessBusy(path: string): Promise<string | undefined> {
  try {
    return (await promisify(execFile)(path, ['--version'], { timeout: answerWithinMs })).stdout
  } catch (error) {
    if (systemCode(error) === 'ETXTBSY') return undefined
    throw error
  }
}

function unusable(path: string, why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_NO_NATS_SERVER', `${path} ${why}`, { cause, details: { path } })
}
