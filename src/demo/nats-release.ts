import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { SignetError } from '../errors.ts'
import { keepInCache } from './nats-server-cache.ts'
import { reasonOf } from './system-error.ts'

/** The release that is fetched where no server is at hand. */
export const pinnedNatsServer = '2.12.8'

const releases = 'https://github.com/nats-io/nats-server/releases/download'
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

export interface ReleaseOptions {
  /** The cache. */
  readonly folder: string
  readonly progress: (line: string) => void
  /** Where the releases are, without a slash at the end. */
  readonly base?: string
  /** How long a connection, and an answer on it, may take. Default 5,000. */
  readonly answerMs?: number
  /** How long a download may stand still. Default 20,000. */
  readonly stallMs?: number
}

/**
 * Downloads the pinned release of nats-server for this machine, checks it against the SHA-256 sums
 * that were released with it, and returns the path of the server in the cache.
 */
export async function natsServerFromRelease(options: ReleaseOptions): Promise<string> {
  const name = archiveName()
  const work = await mkdtemp(join(tmpdir(), 'signet-release-'))
  try {
    const sums = join(work, 'SHA256SUMS')
    const archive = join(work, 'server.tar.gz')
    // First the small one: where there is no network it says so soonest.
    await download('SHA256SUMS', sums, options)
    await download(`${name}.tar.gz`, archive, options)
    await check(archive, `${name}.tar.gz`, sums)
    await untar(archive, work)
    return await keepInCache(options.folder, join(work, name, 'nats-server'))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Unpacks `archive`, compressed or not, into `folder` with the system's tar. */
export async function untar(archive: string, folder: string): Promise<void> {
  try {
    await promisify(execFile)('tar', ['-xf', archive, '-C', folder])
  } catch (error) {
    throw noRelease(`tar could not unpack it: ${reasonOf(error)}`, error)
  }
}

function archiveName(): string {
  const architecture = architectures[process.arch]
  if (architecture === undefined || !['linux', 'darwin'].includes(process.platform)) {
    throw noRelease(`none is known for ${process.platform} on ${process.arch}`)
  }
  return `nats-server-v${pinnedNatsServer}-${process.platform}-${architecture}`
}

async function download(name: string, path: string, options: ReleaseOptions): Promise<void> {
  const { base = releases, answerMs = 5_000, stallMs = 20_000, progress } = options
  const url = `${base}/v${pinnedNatsServer}/${name}`
  const patience = new AbortController()
  const giveUp = (why: string) => () => patience.abort(new Error(why))
  let timer = setTimeout(giveUp(`no answer within ${answerMs} ms`), answerMs)
  try {
    const response = await fetch(url, { signal: patience.signal })
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`)
    const total = Number(response.headers.get('content-length') ?? 0)
    let received = 0
    let saidAt = performance.now()
    const watched = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        clearTimeout(timer)
        timer = setTimeout(giveUp(`nothing came for ${stallMs} ms`), stallMs)
        received += chunk.length
        // A download that is over within a second needs no words.
        if (performance.now() - saidAt > 1_000) {
          saidAt = performance.now()
          progress(`fetching nats-server ${pinnedNatsServer}: ${share(received, total)}`)
        }
        yield chunk
      }
    }
    await pipeline(response.body, watched, createWriteStream(path), { signal: patience.signal })
  } catch (error) {
    throw noRelease(`${url}: ${reasonOf(patience.signal.reason ?? error)}`, error)
  } finally {
    clearTimeout(timer)
  }
}

function share(received: number, total: number): string {
  const mebibytes = (received / 2 ** 20).toFixed(1)
  return total > 0 ? `${Math.floor((100 * received) / total)} %` : `${mebibytes} MiB`
}

async function check(archive: string, name: string, sums: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(archive), hash)
  const lines = (await readFile(sums, 'utf8')).split('\n').map((line) => line.trim().split(/\s+/))
  const expected = lines.find(([, file]) => file?.replace(/^\*/, '') === name)?.[0]
  if (expected === undefined) throw noRelease(`SHA256SUMS does not list ${name}`)
  if (expected.toLowerCase() !== hash.digest('hex')) {
    throw noRelease(`${name} does not have the checksum that SHA256SUMS gives`)
  }
}

function noRelease(why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_NO_NATS_SERVER', why, { cause })
}
