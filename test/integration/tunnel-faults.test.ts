import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import test from 'ava'
import { sha } from '../support/echo-service.ts'
import { eventually } from '../support/eventually.ts'
import { begin, rawCall } from '../support/raw-http.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'

const HOST = 'resource-service'
/** Small, so that tests end; large beside the delays of a busy machine. */
const TIMES = { silenceMs: 4_000, aliveMs: 400, patienceMs: 6_000 }
const LIMIT_MS = 40_000

const post = { method: 'POST', target: '/v1/x', host: HOST, body: Buffer.from('{"x":1}') } as const

interface Failed {
  readonly code: number
  readonly reason: string
}

function failed(body: Buffer): Failed {
  return JSON.parse(body.toString()) as Failed
}

/** Writes without end, as fast as it is read. */
function pour(response: ServerResponse): void {
  const part = Buffer.alloc(65_536, 'x')
  const more = (): void => {
    while (response.write(part)) if (response.destroyed) return
    response.once('drain', more)
  }
  more()
}

test('a hub agent that ends in the middle of an answer breaks it off, and never shortens it', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  const exit = await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = (_, response) => {
    pour(response)
  }
  const { request, answer } = begin(url, { target: '/v1/x', host: HOST })
  request.end()
  const response = await answer
  t.is(response.statusCode, 200)
  let bytes = 0
  const broken = (async () => {
    for await (const part of response) bytes += (part as Buffer).length
  })()
  await eventually('some of it has come', () => bytes > 1_000_000, LIMIT_MS)
  await exit.side.connection.close()
  await t.throwsAsync(broken)
})

test('a hub agent that ends in the middle of a body is told as what may have been applied', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  const exit = await rig.exit()
  const url = await rig.http(await rig.client())
  const { request, answer } = begin(url, {
    method: 'POST',
    target: '/v1/x',
    host: HOST,
    headers: ['content-length', '50000000'],
  })
  request.on('error', () => undefined)
  request.write(Buffer.alloc(4_000_000))
  await eventually('the exit has begun', () => rig.service.begun() > 0, LIMIT_MS)
  await exit.side.connection.close()
  const response = await answer
  t.is(response.statusCode, 502)
  request.destroy()
  await eventually('the service is let go', () => rig.service.cut() > 0, LIMIT_MS)
})

test('a hub agent that ends before the answer leaves a change unrepeated, and a read is asked again', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  const exit = await rig.exit()
  const client = await rig.client()
  const url = await rig.http(client)
  let isHeld = true
  rig.service.answer = (_, response) => {
    if (!isHeld) response.end('late')
  }
  const change = rawCall(url, post)
  const read = rawCall(url, { target: '/v1/x', host: HOST })
  await eventually('both are there', () => rig.service.seen.length === 2, LIMIT_MS)
  isHeld = false
  await exit.side.connection.close()
  await rig.exit()
  const [changed, got] = await Promise.all([change, read])
  t.is(changed.status, 502)
  t.like(failed(changed.body), { reason: 'answer-lost' })
  t.is(got.status, 200)
  t.is(got.body.toString(), 'late')
  t.is(rig.service.seen.filter(({ method }) => method === 'POST').length, 1)
})

test('a change whose answer was lost on the way is made once, and answered', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES, apart: true })
  await rig.exit()
  await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = (_, response) => {
    // Applied, and cut off before the stamp can hear of it.
    void rig.cluster.cutGeo('eu').then(() => {
      response.statusCode = 201
      response.end('{"commitID":"abc"}')
      return rig.cluster.healGeo('eu')
    })
  }
  const answer = await rawCall(url, post)
  t.is(answer.status, 201)
  t.is(answer.body.toString(), '{"commitID":"abc"}')
  t.is(rig.service.seen.length, 1)
})

test('a client that goes away stops the exit', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = (_, response) => {
    pour(response)
  }
  const first = begin(url, { target: '/v1/x', host: HOST })
  first.request.end()
  const response = await first.answer
  await once(response, 'data')
  response.destroy()
  await eventually('the answer is let go', () => rig.service.cut() === 1, LIMIT_MS)
  // And one that goes before anything was said to it.
  rig.service.answer = () => undefined
  const second = begin(url, { target: '/v1/y', host: HOST })
  second.request.on('error', () => undefined)
  second.request.end()
  await eventually('it is there', () => rig.service.seen.length === 2, LIMIT_MS)
  second.request.destroy()
  await eventually('the call is let go', () => rig.service.cut() === 2, LIMIT_MS)
  // And one that goes in the middle of its own body.
  const third = begin(url, { ...post, headers: ['transfer-encoding', 'chunked'], body: undefined })
  third.request.on('error', () => undefined)
  third.request.write(Buffer.alloc(2_000_000))
  await eventually('it has begun', () => rig.service.begun() === 3, LIMIT_MS)
  third.request.destroy()
  await eventually('its body is let go', () => rig.service.cut() === 3, LIMIT_MS)
  t.pass()
})

test('a slow reader stalls nobody else, and gets all of it', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  await rig.exit()
  const url = await rig.http(await rig.client())
  const body = randomBytes(12_000_000)
  rig.service.answer = (_, response, { target }) => {
    response.end(target === '/v1/large' ? body : 'small')
  }
  const slow = Array.from({ length: 4 }, () => begin(url, { target: '/v1/large', host: HOST }))
  for (const { request } of slow) request.end()
  const responses = await Promise.all(slow.map(({ answer }) => answer))
  // Nothing is read of them while a hundred others come and go.
  for (let turn = 0; turn < 5; turn += 1) {
    const others = Array.from({ length: 20 }, () => rawCall(url, { target: '/v1/s', host: HOST }))
    for (const answer of await Promise.all(others)) t.is(answer.body.toString(), 'small')
  }
  const fast = await rawCall(url, { target: '/v1/large', host: HOST })
  t.is(sha(fast.body), sha(body))
  for (const response of responses) {
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part as Buffer)
    t.is(sha(Buffer.concat(parts)), sha(body))
  }
})

test('without a hub the answer is 502, after a moment in which one may come', async (t) => {
  const rig = await TunnelRig.start(t, { times: { ...TIMES, patienceMs: 300 } })
  const url = await rig.http(await rig.client())
  const none = await rawCall(url, post)
  t.is(none.status, 502)
  t.like(failed(none.body), { code: 502, reason: 'no-hub' })
  const patient = await rig.http(await rig.client({ patienceMs: 30_000 }))
  const waiting = rawCall(patient, post)
  await rig.exit()
  t.is((await waiting).status, 200)
  t.is(rig.service.seen.length, 1)
})

test('a service that is late, away or broken is told apart', async (t) => {
  const rig = await TunnelRig.start(t, { times: { ...TIMES, answerMs: 1_000 } })
  await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = () => undefined
  for (const call of [post, { target: '/v1/x', host: HOST }]) {
    const late = await rawCall(url, call)
    t.is(late.status, 504)
    t.like(failed(late.body), { reason: 'late' })
  }
  rig.service.answer = (_, response) => response.destroy()
  const broken = await rawCall(url, post)
  t.is(broken.status, 502)
  t.like(failed(broken.body), { reason: 'service-broken' })
  rig.service.answer = (_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half')
    setTimeout(() => response.destroy(), 20)
  }
  const short = await rawCall(url, { target: '/v1/x', host: HOST }).catch((error: unknown) => error)
  if (short instanceof Error) t.pass('broken off')
  else t.like(failed((short as { body: Buffer }).body), { reason: 'service-broken' })
  await rig.service[Symbol.asyncDispose]()
  const away = await rawCall(url, post)
  t.is(away.status, 502)
  t.like(failed(away.body), { reason: 'service-away' })
})

test('a hub agent that drains finishes what it has, and the next one takes what comes', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES })
  const exit = await rig.exit()
  const url = await rig.http(await rig.client())
  const held: ServerResponse[] = []
  rig.service.answer = (_, response) => held.push(response)
  const first = rawCall(url, post)
  await eventually('it is there', () => held.length === 1, LIMIT_MS)
  const stopped = exit.stop(AbortSignal.timeout(LIMIT_MS))
  rig.service.answer = (_, response) => response.end('second')
  const second = rawCall(url, post)
  await rig.exit()
  t.is((await second).body.toString(), 'second')
  held[0]?.end('first')
  t.is((await first).body.toString(), 'first')
  await stopped
})

test('a stamp over its limits is turned away for a moment, and no other is', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES, limits: { mostCalls: 2, mostBytes: 1_000 } })
  await rig.exit()
  const url = await rig.http(await rig.client())
  const held: ServerResponse[] = []
  rig.service.answer = (_, response) => held.push(response)
  const first = rawCall(url, { ...post, body: Buffer.alloc(900) })
  await eventually('it is there', () => held.length === 1, LIMIT_MS)
  const large = await rawCall(url, { ...post, body: Buffer.alloc(200) })
  t.is(large.status, 429)
  t.is(large.header('retry-after'), '1')
  t.like(failed(large.body), { reason: 'too-many' })
  const second = rawCall(url, { target: '/v1/x', host: HOST })
  await eventually('it is there', () => held.length === 2, LIMIT_MS)
  t.is((await rawCall(url, { target: '/v1/x', host: HOST })).status, 429)
  for (const response of held) response.end()
  t.is((await first).status, 200)
  t.is((await second).status, 200)
  rig.service.answer = (_, response) => response.end()
  t.is((await rawCall(url, { ...post, body: Buffer.alloc(2_000) })).status, 200)
})

test('without the hub store nothing is changed, and reads go on', async (t) => {
  const rig = await TunnelRig.start(t, { times: { ...TIMES, patienceMs: 300 } })
  await rig.exit({ openCalls: () => Promise.reject(new Error('away')) })
  const url = await rig.http(await rig.client())
  const change = await rawCall(url, post)
  t.is(change.status, 503)
  t.is(change.header('retry-after'), '1')
  t.like(failed(change.body), { reason: 'store-away' })
  t.is((await rawCall(url, { target: '/v1/x', host: HOST })).status, 200)
  // Nobody's: whose it is, is asked first.
  rig.service.answer = (_, response) => response.end('[]')
  const ping = '/v1/uniform/registration/abc/ping'
  const pinged = await (
    await rig.client()
  ).call({ service: 'shipyard-controller', method: 'PUT', target: ping, headers: [] })
  t.is(pinged.status, 200)
  t.is(rig.service.seen.length, 3)
})

test('servers with a small max_payload carry what is larger in smaller parts', async (t) => {
  const rig = await TunnelRig.start(t, { times: TIMES, maxPayload: 65_536 })
  await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = (_, response, seen) => {
    response.setHeader('x-long', 'y'.repeat(6_000))
    response.end(seen.body)
  }
  for (const bytes of [57_000, 60_000, 64_500, 65_000, 65_536, 70_000, 1_000_000]) {
    const body = randomBytes(bytes)
    const headers = ['x-long', 'z'.repeat(6_000)]
    const answer = await rawCall(url, { ...post, body, headers })
    t.is(answer.status, 200, String(bytes))
    t.is(sha(answer.body), sha(body), String(bytes))
  }
})
