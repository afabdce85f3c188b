import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import test from 'ava'
import { startTcpProxy } from '../../src/demo/tcp-proxy.ts'
import { waitUntil } from '../../src/demo/wait-until.ts'

/** Echoes what it hears, behind a proxy that knows its dialers by their first line. */
async function rig() {
  const sockets = new Set<Socket>()
  const echo = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const address = echo.address()
  const target = typeof address === 'object' && address !== null ? address.port : 0
  const proxy = await startTcpProxy({ target, identify: (line) => line })
  return {
    proxy,
    dial: (name: string) => Dialer.connect(proxy.port, name),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      for (const socket of sockets) socket.destroy()
      echo.close()
    },
  }
}

class Dialer {
  readonly socket: Socket
  heard = ''
  error: string | undefined

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk) => (this.heard += chunk.toString()))
    this.socket.on('error', (error) => (this.error = error.message))
  }

  static async connect(port: number, name: string): Promise<Dialer> {
    const dialer = new Dialer(port)
    await once(dialer.socket, 'connect')
    dialer.socket.write(`${name}\n`)
    return dialer
  }

  async hears(text: string): Promise<void> {
    await waitUntil(
      () => (this.heard.includes(text) ? true : undefined),
      5_000,
      () => new Error(`heard only "${this.heard}"`),
    )
  }

  async isReset(): Promise<void> {
    await waitUntil(
      () => (this.error?.includes('ECONNRESET') ? true : undefined),
      5_000,
      () => new Error('was not reset'),
    )
  }
}

test('passes bytes on, the introduction included, and the end as well', async (t) => {
  await using it = await rig()
  const dialer = await it.dial('eu')
  const long = 'x'.repeat(1_000_000)
  dialer.socket.end(long)
  await once(dialer.socket, 'close')
  t.is(dialer.heard, `eu\n${long}`)
})

test('a cut resets what is open and refuses what is new, until it is healed', async (t) => {
  await using it = await rig()
  const before = await it.dial('eu')
  await before.hears('eu\n')
  await it.proxy.cut()
  await before.isReset()
  await t.throwsAsync(it.dial('eu'), { message: /ECONNREFUSED/ })
  await it.proxy.heal()
  await (await it.dial('us')).hears('us\n')
})

test('in a hole sockets stay open and bytes wait, also on new ones', async (t) => {
  await using it = await rig()
  const before = await it.dial('eu')
  await before.hears('eu\n')
  await it.proxy.hole()
  before.socket.write('lost?')
  const during = await it.dial('us')
  // Nothing can be waited for where nothing happens.
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.deepEqual([before.heard, during.heard], ['eu\n', ''])
  t.deepEqual([before.error, during.error], [undefined, undefined])
  await it.proxy.heal()
  await before.hears('lost?')
  await during.hears('us\n')
  before.socket.destroy()
  during.socket.destroy()
})

test('faults of one peer leave the others alone, and are healed apart from those of all', async (t) => {
  await using it = await rig()
  const [eu, us] = [await it.dial('eu'), await it.dial('us')]
  await Promise.all([eu.hears('eu\n'), us.hears('us\n')])
  await it.proxy.cut('eu')
  await eu.isReset()
  us.socket.write('still here')
  await us.hears('still here')
  await (await it.dial('eu')).isReset()
  await it.proxy.cut()
  await us.isReset()
  await it.proxy.heal()
  await (await it.dial('us')).hears('us\n')
  await (await it.dial('eu')).isReset()
  await it.proxy.heal('eu')
  const healed = await it.dial('eu')
  await healed.hears('eu\n')
  t.is(healed.error, undefined)
})
