import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import test from 'ava'
import { freePorts } from '../../src/demo/free-port.ts'
import { type NatsProcess } from '../../src/demo/nats-process.ts'
import { waitUntil } from '../../src/demo/wait-until.ts'
import { natsServer } from '../support/nats-server.ts'

type Client = AsyncDisposable & { readonly nc: NatsConnection }

async function client(server: NatsProcess): Promise<Client> {
  const nc = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  return { nc, [Symbol.asyncDispose]: () => nc.close() }
}

async function publish(server: NatsProcess, text: string): Promise<number> {
  await using it = await client(server)
  return (await jetstream(it.nc).publish('kept.it', text)).seq
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('what JetStream stored outlives a stop, a kill and a restart, at the same address', async (t) => {
  await using server = await natsServer({ jetstream: true })
  const { url, monitorUrl } = server
  {
    await using it = await client(server)
    const jsm = await jetstreamManager(it.nc)
    await jsm.streams.add({ name: 'KEPT', subjects: ['kept.>'] })
  }
  t.is(await publish(server, 'one'), 1)
  await server.stop()
  t.is(server.pid, undefined)
  await server.restart()
  t.is(await publish(server, 'two'), 2)
  await server.kill()
  await server.restart()
  t.is(await publish(server, 'three'), 3)
  await server.restart()
  t.is(await publish(server, 'four'), 4)
  t.deepEqual([server.url, server.monitorUrl], [url, monitorUrl])
  t.like(await server.monitor('/jsz'), { messages: 4 })
})

test('a client comes back to a server that was killed and restarted', async (t) => {
  await using server = await natsServer()
  await using it = await client(server)
  await server.kill()
  await server.restart()
  await waitUntil(
    async () => (await it.nc.rtt().catch(() => undefined)) ?? undefined,
    10_000,
    () => new Error('the client did not come back'),
  )
  t.pass()
})

test('a paused server is silent until it goes on, and can be stopped', async (t) => {
  await using server = await natsServer()
  await server.pause()
  await t.throwsAsync(fetch(`${server.monitorUrl}/varz`, { signal: AbortSignal.timeout(200) }), {
    any: true,
  })
  server.resume()
  t.like(await server.monitor('/healthz'), { status: 'ok' })
  await server.pause()
  await server.stop()
  t.is(server.pid, undefined)
})

test('a new configuration takes effect while clients stay connected', async (t) => {
  await using server = await natsServer({ config: 'max_payload: 1000' })
  await using it = await client(server)
  await server.reload('max_payload: 2000')
  t.like(await server.monitor('/varz'), { max_payload: 2000 })
  await it.nc.flush()
  t.is(it.nc.stats().inMsgs, 0)
  await server.restart()
  t.like(await server.monitor('/varz'), { max_payload: 2000 })
})

test('a refused configuration leaves the old one, also for the next start', async (t) => {
  await using server = await natsServer({ config: 'max_payload: 1000' })
  await t.throwsAsync(server.reload('max_payload: {'), {
    code: 'SIGNET_START_FAILED',
    message: /refused its new configuration[^]*Failed to reload/,
  })
  t.like(await server.monitor('/varz'), { max_payload: 1000 })
  await server.restart()
  t.like(await server.monitor('/varz'), { max_payload: 1000 })
})

test('a server that cannot start says so at once, with the end of its log', async (t) => {
  await t.throwsAsync(natsServer({ config: 'no_such_option: {}' }), {
    code: 'SIGNET_START_FAILED',
    message: /ended at its start[^]*no_such_option/,
  })
})

test('a port in use is told apart from other failures', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await t.throwsAsync(natsServer({ config: `leafnodes { listen: "127.0.0.1:${port}" }` }), {
    code: 'SIGNET_PORT_TAKEN',
  })
  taken.close()
})

test('files go with their server', async (t) => {
  const server = await natsServer({ jetstream: true })
  const { pid, dir } = server
  t.true(existsSync(dir))
  await server[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  t.false(existsSync(dir))
  t.false(isAlive(pid ?? 0))
})

test('a server dies with the process that started it, even when that one is killed', async (t) => {
  const program = fileURLToPath(new URL('../support/hold-nats-server.js', import.meta.url))
  const holder = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pid = 0, dir = ''] = JSON.parse(String((await once(holder.stdout, 'data'))[0]))
  t.true(isAlive(pid))
  holder.kill('SIGKILL')
  await waitUntil(
    () => (isAlive(pid) ? undefined : true),
    10_000,
    () => new Error(`nats-server ${pid} lives on`),
  )
  await rm(dir, { recursive: true })
  t.pass()
})

test('free ports are different, and below those that clients are given', async (t) => {
  const ports = await freePorts(50)
  t.is(new Set(ports).size, 50)
  t.true(ports.every((port) => port >= 10_000 && port < 32_768))
})
