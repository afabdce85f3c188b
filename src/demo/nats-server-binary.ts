import { join } from 'node:path'
import { SignetError } from '../errors.ts'
import { withFileLock } from './file-lock.ts'
import { type Environment, cacheFolder } from './nats-server-cache.ts'
import { oldestNatsServer, usableVersion } from './nats-server-version.ts'
import { type NatsServerSource, fetchingSources, presentSources } from './nats-sources.ts'
import { reasonOf } from './system-error.ts'

/** A nats-server that works on this machine. */
export interface FoundNatsServer {
  readonly path: string
  /** `x.y.z` */
  readonly version: string
  /** Where it is from, as the end of a sentence: `PATH`, `the Debian package (kept in …)`. */
  readonly from: string
  /** What came before it in the order, was there, and could not be used. */
  readonly passedOver: readonly Tried[]
}

/** A source that gave nothing usable, and why. */
interface Tried {
  readonly source: string
  readonly reason: string
}

export interface FindNatsServerOptions {
  readonly env?: Environment
  /** Tells a person about work that takes long; a line without its line break. Default: stderr. */
  readonly progress?: (line: string) => void
  /** The sources in their order, instead of those of DESIGN 11. */
  readonly sources?: readonly NatsServerSource[]
}

const fetchLimitMs = 300_000

/**
 * The first nats-server of DESIGN 11's order that works and is new enough: `NATS_SERVER`, PATH, the
 * cache, a release, a Debian package, the official image. Only the last three touch anything outside
 * this machine; what they bring is kept in the cache, and processes that search at once fetch once.
 * Rejects with SIGNET_NO_NATS_SERVER where there is none; `details.tried` says why each failed.
 */
export async function findNatsServer(
  options: FindNatsServerOptions = {},
): Promise<FoundNatsServer> {
  const env = options.env ?? process.env
  if (options.sources !== undefined) return orNone(await search(options.sources))
  const present = presentSources(env)
  const here = await search(present)
  if (here.found !== undefined) return here.found
  const fetching = fetchingSources(env, options.progress ?? toStderr)
  const lock = join(cacheFolder(env), 'fetch.lock')
  try {
    // Looked at again under the lock: another process may have filled the cache meanwhile.
    return orNone(await withFileLock(lock, fetchLimitMs, () => search([...present, ...fetching])))
  } catch (error) {
    if (error instanceof SignetError && error.code === 'SIGNET_NO_NATS_SERVER') throw error
    throw none([
      ...here.tried,
      { source: `the cache in ${cacheFolder(env)}`, reason: reasonOf(error) },
    ])
  }
}

/** One line for a person: which server it is, where it is from, and what was passed over for it. */
export function describeNatsServer(found: FoundNatsServer): string {
  const passed = found.passedOver.map(({ source, reason }) => `${source}: ${reason}`)
  const rest = passed.length === 0 ? '' : `; passed over ${passed.join('; ')}`
  return `nats-server ${found.version} from ${found.from}${rest}`
}

interface Search {
  readonly found?: FoundNatsServer
  readonly tried: readonly Tried[]
}

async function search(sources: readonly NatsServerSource[]): Promise<Search> {
  const tried: Tried[] = []
  const passedOver: Tried[] = []
  for (const { name, candidates } of sources) {
    try {
      const offered = await candidates()
      if (offered.length === 0) tried.push({ source: name, reason: 'has none' })
      for (const { path, from } of offered) {
        try {
          return { found: { path, version: await usableVersion(path), from, passedOver }, tried }
        } catch (error) {
          passedOver.push({ source: name, reason: reasonOf(error) })
          tried.push({ source: name, reason: reasonOf(error) })
        }
      }
    } catch (error) {
      tried.push({ source: name, reason: reasonOf(error) })
    }
  }
  return { tried }
}

function orNone({ found, tried }: Search): FoundNatsServer {
  if (found === undefined) throw none(tried)
  return found
}

function none(tried: readonly Tried[]): SignetError {
  return new SignetError(
    'SIGNET_NO_NATS_SERVER',
    `There is no nats-server ${oldestNatsServer} or newer here, and none could be fetched: set ` +
      'NATS_SERVER to the path of one, install nats-server so that it is on PATH, or run Docker.',
    { details: { tried } },
  )
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`)
}
