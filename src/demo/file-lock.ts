import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SignetError } from '../errors.ts'
import { systemCode } from './system-error.ts'
import { waitUntil } from './wait-until.ts'

/**
 * Runs `work` while holding the lock file at `path`, so that processes and threads that need one
 * thing fetch it once, one after the other. A lock whose process is gone, or that is older than
 * `staleMs`, is taken over; SIGNET_START_FAILED after waiting twice as long. It saves work and is
 * no guard: two waiters that take over one abandoned lock at the same moment both go on.
 */
export async function withFileLock<T>(
  path: string,
  staleMs: number,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  await waitUntil(
    () => acquire(path, staleMs),
    2 * staleMs,
    () => new SignetError('SIGNET_START_FAILED', `another process holds ${path} for too long`),
  )
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function acquire(path: string, staleMs: number): Promise<true | undefined> {
  if (await create(path)) return true
  if (!(await isAbandoned(path, staleMs))) return undefined
  await rm(path, { force: true })
  return (await create(path)) ? true : undefined
}

async function create(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

async function isAbandoned(path: string, staleMs: number): Promise<boolean> {
  try {
    const ageMs = Date.now() - (await stat(path)).mtimeMs
    if (ageMs > staleMs) return true
    const holder = Number(await readFile(path, 'utf8'))
    // The holder creates the file before it has written its id.
    return holder > 0 && !isAlive(holder)
  } catch (error) {
    // Released between our try and our look.
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
