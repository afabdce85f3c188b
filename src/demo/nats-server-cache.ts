import { randomUUID } from 'node:crypto'
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isOlder, usableVersion } from './nats-server-version.ts'
import { systemCode } from './system-error.ts'

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where fetched servers are kept: `<version>-<os>-<arch>/nats-server` below the user's cache folder. */
export function cacheFolder(env: Environment): string {
  const base = env['XDG_CACHE_HOME']
  // The XDG rules have relative paths ignored.
  const root = base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache')
  return join(root, 'signet', 'nats-server')
}

/** The servers in the cache that are meant for this machine, newest first. */
export async function cachedServers(folder: string): Promise<string[]> {
  const platform = `-${process.platform}-${process.arch}`
  const names = await readdir(folder).catch(ifAbsent)
  return names
    .filter((name) => name.endsWith(platform))
    .map((name) => name.slice(0, -platform.length))
    .sort((a, b) => (isOlder(a, b) ? 1 : -1))
    .map((version) => join(folder, `${version}${platform}`, 'nats-server'))
}

/**
 * Copies the server at `binary` into the cache and returns its path there. Rejects, and keeps
 * nothing, where that server does not work on this machine or is too old.
 */
export async function keepInCache(folder: string, binary: string): Promise<string> {
  await chmod(binary, 0o755)
  const version = await usableVersion(binary)
  const home = join(folder, `${version}-${process.platform}-${process.arch}`)
  await mkdir(home, { recursive: true })
  const path = join(home, 'nats-server')
  // Another process may be looking or writing at this moment: it sees a whole file or none.
  const draft = `${path}.${randomUUID()}`
  try {
    await copyFile(binary, draft)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  return path
}

function ifAbsent(error: unknown): string[] {
  if (systemCode(error) === 'ENOENT') return []
  throw error
}
