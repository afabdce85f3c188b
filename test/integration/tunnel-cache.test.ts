import { randomBytes } from 'node:crypto'
import test from 'ava'
import { connect } from '@nats-io/transport-node'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsSide } from '../../src/links/nats-side.ts'
import { Shelf } from '../../src/links/shelf.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { ResourceCache } from '../../src/tunnel/resource-cache.ts'
import { sha } from '../support/echo-service.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer } from '../support/nats-server.ts'
import { rawCall } from '../support/raw-http.ts'
import { silent } from '../support/registrations.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'
import { connectedSide } from '../support/nats-side.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'
const at = (name: string, commit = COMMIT) => ({
  target: `/v1/project/shop/stage/dev/service/cart/resource/${name}?gitCommitID=${commit}`,
  host: 'resource-service',
})

async function keptnSide(url: string): Promise<NatsSide> {
  return connectedSide(url)
}

test('a resource at a commit is kept in the stamp, and served by any agent while no hub is there', async (t) => {
  const rig = await TunnelRig.start(t, { times: { patienceMs: 200 } })
  const keptn = await natsServer({ jetstream: true })
  const side = await keptnSide(keptn.url)
  t.teardown(async () => {
    await side.close()
    await keptn[Symbol.asyncDispose]()
  })
  const exit = await rig.exit()
  const client = await rig.client()
  const agent = (): Promise<string> => {
    const plan = { stream: 'SIGNET_CACHE', prefix: 'signet.cache', mostBytes: 3_000_000 }
    const cache = new ResourceCache({
      open: (request, signal) => client.open(request, signal),
      shelf: new Shelf(side, plan),
      partBytes: () => 262_144,
      log: silent,
      metrics: new Metrics(),
    })
    return rig.http({ open: (request, signal) => cache.open(request, signal) })
  }
  const first = await agent()
  const second = await agent()
  const bodies = new Map([
    ['small', randomBytes(10)],
    ['large', randomBytes(1_000_000)],
  ])
  rig.service.answer = (_, response, { target }) => {
    const name = /resource\/(\w+)/.exec(target)?.[1] ?? ''
    response.statusCode = bodies.has(name) ? 200 : 404
    response.setHeader('etag', name)
    response.end(bodies.get(name) ?? 'none')
  }
  for (const [name, body] of bodies) {
    const miss = await rawCall(first, at(name))
    t.is(miss.header('x-signet-cache'), 'miss')
    t.is(sha(miss.body), sha(body))
    await eventually(
      `${name} is kept`,
      async () => (await rawCall(second, at(name))).header('x-signet-cache') === 'hit',
      20_000,
    )
  }
  t.is((await rawCall(first, at('none'))).status, 404)
  t.is((await rawCall(first, at('none'))).header('x-signet-cache'), 'miss')
  const moving = await rawCall(first, at('small', ''))
  t.is(moving.header('x-signet-cache'), undefined)

  await exit.stop(AbortSignal.timeout(5_000))
  const seen = rig.service.seen.length
  for (const [name, body] of bodies) {
    const hit = await rawCall(second, at(name))
    t.is(hit.status, 200)
    t.is(hit.header('x-signet-cache'), 'hit')
    t.is(hit.header('etag'), name)
    t.is(sha(hit.body), sha(body))
  }
  t.is(rig.service.seen.length, seen)
  t.is((await rawCall(second, at('small', ''))).status, 502)
  t.is((await rawCall(second, at('small', COMMIT.replace('0', 'f')))).status, 502)

  // With the stamp's own server away as well nothing is kept, and nothing hangs.
  await keptn.kill()
  t.is((await rawCall(second, at('small'))).status, 502)
})

test('what no longer fits makes room, and half of a copy is none', async (t) => {
  const rig = await TunnelRig.start(t)
  const keptn = await natsServer({ jetstream: true })
  const side = await keptnSide(keptn.url)
  const nc = await connect({ servers: keptn.url })
  t.teardown(async () => {
    await side.close()
    await nc.close()
    await keptn[Symbol.asyncDispose]()
  })
  await rig.exit()
  const client = await rig.client()
  const plan = { stream: 'SIGNET_CACHE', prefix: 'signet.cache', mostBytes: 1_500_000 }
  const cache = new ResourceCache({
    open: (request, signal) => client.open(request, signal),
    shelf: new Shelf(side, plan),
    partBytes: () => 100_000,
    log: silent,
    metrics: new Metrics(),
  })
  const url = await rig.http({ open: (request, signal) => cache.open(request, signal) })
  const body = randomBytes(400_000)
  rig.service.answer = (_, response) => response.end(body)
  const manager = await jetstreamManager(nc, { checkAPI: false })
  for (let n = 0; n < 6; n += 1) {
    t.is(sha((await rawCall(url, at(`r${n}`))).body), sha(body))
    await eventually(
      `r${n} is kept`,
      async () => (await rawCall(url, at(`r${n}`))).header('x-signet-cache') === 'hit',
      20_000,
    )
  }
  const { state } = await manager.streams.info('SIGNET_CACHE')
  t.true(state.bytes <= 1_500_000)
  const gone = await rawCall(url, at('r0'))
  t.is(gone.header('x-signet-cache'), 'miss')
  t.is(sha(gone.body), sha(body))
})
