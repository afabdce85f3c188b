import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { SignetError } from '../errors.ts'
import { pinnedNatsServer, untar } from './nats-release.ts'
import { keepInCache } from './nats-server-cache.ts'
import { reasonOf } from './system-error.ts'

const startLimitMs = 120_000

/**
 * Copies the server out of the official image into the cache, and returns its path there. Needs a
 * Docker engine and the package `testcontainers`; only on Linux, since the image holds a Linux program.
 */
export async function natsServerFromImage(
  folder: string,
  progress: (line: string) => void,
): Promise<string> {
  if (process.platform !== 'linux') throw noImage('holds a server for Linux only')
  const { GenericContainer } = await testcontainers()
  progress(`looking for a Docker engine to take nats-server ${pinnedNatsServer} from its image …`)
  const container = await new GenericContainer(`nats:${pinnedNatsServer}`)
    .withStartupTimeout(startLimitMs)
    .start()
    .catch((error: unknown) => {
      throw noImage(`Docker gives none: ${reasonOf(error)}`, error)
    })
  const work = await mkdtemp(join(tmpdir(), 'signet-image-'))
  try {
    const archive = join(work, 'server.tar')
    await pipeline(
      await container.copyArchiveFromContainer('/nats-server'),
      createWriteStream(archive),
    )
    await untar(archive, work)
    return await keepInCache(folder, join(work, 'nats-server'))
  } finally {
    await container.stop()
    await rm(work, { recursive: true, force: true })
  }
}

// A development dependency: an installed signet does without it.
async function testcontainers() {
  try {
    return await import('testcontainers')
  } catch (error) {
    throw noImage('the package testcontainers is not installed', error)
  }
}

function noImage(why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_NO_NATS_SERVER', why, { cause })
}
