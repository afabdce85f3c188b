import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import { scraped } from '../support/metrics.ts'
import { rawCall } from '../support/raw-http.ts'
import { HOME, startRig, stampsIn } from '../support/federation.ts'

const SIZE = 40_000_000
const RESOURCE = '/v1/project/shop/stage/dev/service/cart/resource'
const HOST = 'resource-service:8080'
/** What an agent may take at the most, in bytes. */
const MOST_RSS = 200_000_000

/** Repeats itself after a prime number of bytes, so that no part looks like another one. */
function part(at: number, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (at + i) % 251))
}

const PART = part(0, 251 * 256)

/** The service of a test: takes bodies in as a stream, and gives large ones. */
async function startService() {
  const server = createServer((incoming, response) => {
    const hash = createHash('sha256')
    let bytes = 0
    incoming.on('data', (piece: Buffer) => {
      bytes += piece.length
      hash.update(piece)
    })
    incoming.on('end', () => {
      if (incoming.url?.includes('large') === true && incoming.method === 'GET') {
        let left = SIZE
        const more = (): void => {
          while (left > 0) {
            const piece = PART.subarray(0, Math.min(left, PART.length))
            left -= piece.length
            if (!response.write(piece)) {
              response.once('drain', more)
              return
            }
          }
          response.end()
        }
        more()
      } else response.end(JSON.stringify({ bytes, sha: hash.digest('hex') }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}

function wholeSha(): string {
  const hash = createHash('sha256')
  for (let left = SIZE; left > 0; left -= PART.length)
    hash.update(PART.subarray(0, Math.min(left, PART.length)))
  return hash.digest('hex')
}

async function upload(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const call = request({
    hostname,
    port,
    method: 'PUT',
    path: `${RESOURCE}/large`,
    headers: { host: HOST, 'content-length': SIZE },
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve)
    call.on('error', reject)
  })
  for (let left = SIZE; left > 0; left -= PART.length) {
    if (!call.write(PART.subarray(0, Math.min(left, PART.length))))
      await new Promise((resolve) => call.once('drain', resolve))
  }
  call.end()
  const parts: Buffer[] = []
  for await (const piece of await answered) parts.push(piece as Buffer)
  return Buffer.concat(parts).toString()
}

async function download(url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const call = request({ hostname, port, path: `${RESOURCE}/large`, headers: { host: HOST } })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve)
    call.on('error', reject)
  })
  call.end()
  const hash = createHash('sha256')
  for await (const piece of await answered) hash.update(piece as Buffer)
  return hash.digest('hex')
}

test('40 MB go up and come down in agents of constant memory, beside 200 requests at once', async (t) => {
  const service = await startService()
  const names = ['shipyard-controller', 'resource-service', 'mongodb-datastore']
  await using rig = await startRig({
    stamps: stampsIn(['eu'], ['a']),
    environment: {
      SIGNET_KEPTN_SERVICES: names.map((name) => `${name}=${service.url}`).join(','),
    },
  })
  t.teardown(service.close)
  await rig.startKeptn()
  await rig.startAgents()
  const url = await rig.agent('a').url('services')
  const want = wholeSha()
  const watched = [HOME, 'a']
  const most = new Map<string, number>()
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const stamp of watched) {
        const url = await rig.agent(stamp).url()
        const rss = (await scraped(url, 'process_resident_memory_bytes')) ?? Number.NaN
        most.set(stamp, Math.max(most.get(stamp) ?? 0, rss))
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  t.deepEqual(JSON.parse(await upload(url)), { bytes: SIZE, sha: want })
  t.is(await download(url), want)
  const at = (n: number) => ({ target: `${RESOURCE}/small%252F${n}`, host: HOST })
  const [, ...small] = await Promise.all([
    download(url),
    ...Array.from({ length: 200 }, (_, n) => rawCall(url, at(n))),
  ])
  for (const answer of small) t.is(answer.status, 200)
  over.abort()
  await watching
  for (const stamp of watched)
    t.true((most.get(stamp) ?? Infinity) < MOST_RSS, `${stamp}: ${most.get(stamp)}`)
  t.log(Object.fromEntries(most))
})
