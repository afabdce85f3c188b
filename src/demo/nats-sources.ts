import { stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { natsServerFromDebian } from './nats-debian.ts'
import { natsServerFromImage } from './nats-image.ts'
import { natsServerFromRelease, pinnedNatsServer } from './nats-release.ts'
import { type Environment, cacheFolder, cachedServers } from './nats-server-cache.ts'

/** A binary that a source offers; whether it works is for the search to find out. */
interface Candidate {
  readonly path: string
  /** The end of the sentence "nats-server 2.9.10 from …". */
  readonly from: string
}

/** One place where a nats-server may be. */
export interface NatsServerSource {
  /** Names the source in a report of what was tried. */
  readonly name: string
  /** What there is, best first; none where there is none. Rejects with the reason why it cannot say. */
  readonly candidates: () => Promise<readonly Candidate[]>
}

// Debian puts the server where an ordinary user's PATH does not lead; so do many who install by hand.
const beyondPath = ['/usr/sbin', '/usr/local/bin']

/** The sources that only look: `NATS_SERVER`, PATH, and the cache. */
export function presentSources(env: Environment): readonly NatsServerSource[] {
  const folder = cacheFolder(env)
  return [
    { name: 'NATS_SERVER', candidates: () => Promise.resolve(fromVariable(env)) },
    { name: 'PATH', candidates: () => fromPath(env) },
    {
      name: 'the cache',
      candidates: async () =>
        (await cachedServers(folder)).map((path) => ({ path, from: `the cache (${path})` })),
    },
  ]
}

/** The sources that bring a server from elsewhere into the cache. */
export function fetchingSources(
  env: Environment,
  progress: (line: string) => void,
): readonly NatsServerSource[] {
  const folder = cacheFolder(env)
  return [
    fetching(`the official release ${pinnedNatsServer}`, () =>
      natsServerFromRelease({ folder, progress }),
    ),
    fetching('the Debian package', () => natsServerFromDebian(folder, progress)),
    fetching('the official container image', () => natsServerFromImage(folder, progress)),
  ]
}

function fromVariable(env: Environment): Candidate[] {
  const named = env['NATS_SERVER'] ?? ''
  return named === '' ? [] : [{ path: resolve(named), from: `NATS_SERVER (${resolve(named)})` }]
}

function fetching(name: string, fetchServer: () => Promise<string>): NatsServerSource {
  return {
    name,
    candidates: async () => {
      const path = await fetchServer()
      return [{ path, from: `${name} (kept in ${path})` }]
    },
  }
}

async function fromPath(env: Environment): Promise<Candidate[]> {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder))
  const candidates: Candidate[] = []
  for (const folder of new Set([...folders, ...beyondPath])) {
    const path = join(folder, 'nats-server')
    if (!(await isFile(path))) continue
    const from = folders.includes(folder) ? `PATH (${path})` : path
    candidates.push({ path, from })
  }
  return candidates
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    // Absent, or in a folder that is closed to us: for the search the same.
    return false
  }
}
