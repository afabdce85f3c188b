import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort } from 'node:worker_threads'

// Stands for one of Keptn's services in a thread of its own: answers at once, takes any body, and gives one
// of as many bytes as `?bytes=` says.

const SMALL = JSON.stringify({ resourceURI: 'job/config.yaml', resourceContent: 'eA=='.repeat(64) })
const PART = Buffer.alloc(65_536, 'x')

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    let left = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('bytes') ?? 0)
    if (left === 0) {
      response.setHeader('content-type', 'application/json')
      response.end(SMALL)
      return
    }
    response.setHeader('content-length', left)
    const more = (): void => {
      while (left > 0) {
        const part = PART.subarray(0, Math.min(left, PART.length))
        left -= part.length
        if (!response.write(part)) {
          response.once('drain', more)
          return
        }
      }
      response.end()
    }
    more()
  })
})
server.listen(0, '127.0.0.1', () => {
  // A thread has no origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
