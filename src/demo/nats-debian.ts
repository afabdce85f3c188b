import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SignetError } from '../errors.ts'
import { keepInCache } from './nats-server-cache.ts'
import { reasonOf, systemCode } from './system-error.ts'

const run = promisify(execFile)

// The sandbox user of apt may not write into a temporary folder of root's, and apt complains.
const aptOptions = ['-q', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::http::Timeout=10']
const aptLimitMs = 120_000

/**
 * Takes the server out of Debian's (or Ubuntu's) package into the cache, and returns its path there.
 * Nothing is installed and no service starts; the lists of packages are fetched only where they
 * know of no such package. Only for root, where apt is.
 */
export async function natsServerFromDebian(
  folder: string,
  progress: (line: string) => void,
): Promise<string> {
  if (process.getuid?.() !== 0) throw noPackage('needs root')
  if (!(await hasCandidate())) {
    progress('fetching the lists of Debian packages …')
    await apt(['update'])
    if (!(await hasCandidate())) throw noPackage('is not in the lists of packages')
  }
  const work = await mkdtemp(join(tmpdir(), 'signet-deb-'))
  try {
    await apt(['download', 'nats-server'], work)
    const file = (await readdir(work)).find((name) => name.endsWith('.deb'))
    if (file === undefined) throw noPackage('was not among what apt-get downloaded')
    await run('dpkg-deb', ['-x', join(work, file), join(work, 'files')])
    return await keepInCache(folder, join(work, 'files', 'usr', 'sbin', 'nats-server'))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function hasCandidate(): Promise<boolean> {
  try {
    const env = { ...process.env, LC_ALL: 'C' }
    const { stdout } = await run('apt-cache', ['policy', 'nats-server'], { env })
    return /Candidate: *\d/.test(stdout)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw noPackage('needs apt', error)
    throw noPackage(reasonOf(error), error)
  }
}

async function apt(args: readonly string[], cwd?: string): Promise<void> {
  try {
    await run('apt-get', [...aptOptions, ...args], {
      timeout: aptLimitMs,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      ...(cwd === undefined ? {} : { cwd }),
    })
  } catch (error) {
    throw noPackage(`apt-get ${args[0]} failed: ${reasonOf(error)}`, error)
  }
}

function noPackage(why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_NO_NATS_SERVER', why, { cause })
}
