import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { type Server, createServer } from 'node:net'
import { SignetError } from '../errors.ts'

// Below the ports that clients are given by the system, which would collide (nats-notes 9), and above
// those that well-known servers listen on.
const lowest = 10_000
const beyond = 32_768
const tries = 100

/**
 * As many ports of 127.0.0.1 as asked for, all different and free a moment ago. Another process may
 * take one before its server listens: then start again with others. SIGNET_PORT_TAKEN where there
 * seem to be none.
 */
export async function freePorts(count: number): Promise<number[]> {
  const held: Server[] = []
  const ports: number[] = []
  try {
    for (let left = tries + count; ports.length < count; left--) {
      if (left === 0) throw new SignetError('SIGNET_PORT_TAKEN', 'no free port was found')
      // Chance keeps processes apart that look for ports at the same time.
      const port = randomInt(lowest, beyond)
      const server = createServer()
      if (!(await listens(server, port))) continue
      held.push(server)
      ports.push(port)
    }
    return ports
  } finally {
    await Promise.all(held.map(closed))
  }
}

/** One such port. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new SignetError('SIGNET_INTERNAL', 'freePorts gave none')
  return port
}

async function listens(server: Server, port: number): Promise<boolean> {
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
    return true
  } catch {
    // Taken, or not ours to take: the next one may be.
    return false
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
