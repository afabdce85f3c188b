import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { SignetError } from '../../src/errors.ts'
import { Exchange } from '../../src/https/exchange.ts'
import { KeptnApi } from '../../src/https/keptn-api.ts'
import type { KeptnApiOptions } from '../../src/https/keptn-api.ts'
import type { Respond } from '../support/loopback-http.ts'
import { json, LoopbackHttp, TLS_CA } from '../support/loopback-http.ts'

const SECRET = 'very-secret-token'
const never = new AbortController().signal

function api(t: ExecutionContext, endpoint: string, over: Partial<KeptnApiOptions> = {}): KeptnApi {
  const made = new KeptnApi({
    endpoint,
    proxies: {},
    verifyTls: true,
    timeoutMs: 20_000,
    maxAnswerBytes: 1_048_576,
    now: () => performance.now(),
    ...over,
  })
  t.teardown(() => made.close())
  return made
}

async function server(
  t: ExecutionContext,
  respond: Respond,
  certificate?: 'loopback' | 'elsewhere',
): Promise<LoopbackHttp> {
  const started = await LoopbackHttp.start(respond, certificate)
  t.teardown(() => started[Symbol.asyncDispose]())
  return started
}

const get = { method: 'GET', path: '/controlPlane/v1/project' } as const

test('a call carries the token, the query and the body, and brings back the answer', async (t) => {
  const http = await server(t, (_, response) => {
    json(response, 201, { id: 1 })
  })
  const keptn = api(t, `${http.url}/api`, { token: SECRET })
  const query = { pageSize: '1000', stage: undefined, project: 'a b' }
  const result = await keptn.call({ ...get, method: 'POST', query, body: '{"x":1}' }, never)
  t.true(result.ok && result.status === 201 && result.body.toString() === '{"id":1}')
  const [came] = http.came
  t.like(came, { method: 'POST', path: '/api/controlPlane/v1/project', body: '{"x":1}' })
  t.is(came?.query.toString(), 'pageSize=1000&project=a+b')
  t.like(came?.headers, { 'x-token': SECRET, 'content-type': 'application/json' })
  t.is(keptn.trouble, undefined)
})

test('escaped slashes of a path reach the server as they are', async (t) => {
  const http = await server(t, (_, response) => {
    json(response, 200, {})
  })
  const path = '/resource-service/v1/project/p/resource/helm%252Fchart.tgz'
  await api(t, `${http.url}/api`).call({ method: 'GET', path }, never)
  t.is(http.came[0]?.path, `/api${path}`)
})

test('a refused token is told plainly and never shown, and the trouble ends with the next answer', async (t) => {
  let status = 401
  const http = await server(t, (_, response) => {
    json(response, status, { code: status, message: 'incorrect api key auth' })
  })
  const keptn = api(t, http.url, { token: SECRET })
  const result = await keptn.call(get, never)
  t.false(result.ok)
  if (result.ok) return
  t.is(result.error.code, 'SIGNET_API_UNAUTHORIZED')
  t.false(result.mayHaveArrived)
  t.regex(keptn.trouble ?? '', /answers with 401; the token is not accepted: check KEPTN_API_TOKEN/)
  t.false(JSON.stringify([result, result.error.message, keptn.trouble]).includes(SECRET))
  t.regex((await refusedBy(t, http.url)) ?? '', /no token is set: set KEPTN_API_TOKEN/)
  status = 200
  t.true((await keptn.call(get, never)).ok)
  t.is(keptn.trouble, undefined)
})

async function refusedBy(t: ExecutionContext, endpoint: string): Promise<string | undefined> {
  const keptn = api(t, endpoint)
  await keptn.call(get, never)
  return keptn.trouble
}

for (const [status, code, mayHaveArrived] of [
  [400, 'SIGNET_API_REFUSED', false],
  [404, 'SIGNET_API_REFUSED', false],
  [302, 'SIGNET_API_REFUSED', false],
  [429, 'SIGNET_API_UNREACHABLE', false],
  [500, 'SIGNET_API_UNREACHABLE', true],
  [502, 'SIGNET_API_UNREACHABLE', true],
] as const) {
  test(`a ${status} is ${code}, once, and no redirect is followed`, async (t) => {
    const http = await server(t, (_, response) => {
      response.setHeader('retry-after', '7')
      response.setHeader('location', '/elsewhere')
      json(response, status, { code: status, message: 'words of the server' })
    })
    const result = await api(t, http.url).call({ ...get, method: 'POST', body: '{}' }, never)
    t.like(result, { ok: false, status, mayHaveArrived })
    if (result.ok) return
    t.is(result.error.code, code)
    t.regex(result.error.message, /words of the server/)
    t.is(result.retryAfterMs, code === 'SIGNET_API_UNREACHABLE' ? 7_000 : undefined)
    t.is(http.came.length, 1)
  })
}

test('a connection that is refused has brought nothing, one that is reset may have', async (t) => {
  const http = await server(t, (_, response) => {
    response.destroy()
  })
  t.like(await api(t, http.url).call(get, never), { ok: false, status: 0, mayHaveArrived: true })
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  const refused = await api(t, `http://127.0.0.1:${port}`).call(get, never)
  t.like(refused, { ok: false, status: 0, mayHaveArrived: false })
})

test('a server that never answers, and one that never ends its answer, are given up', async (t) => {
  const http = await server(t, ({ path }, response) => {
    if (path === '/slow') response.write('{')
  })
  const keptn = api(t, http.url, { timeoutMs: 300 })
  for (const path of ['/silent', '/slow']) {
    const result = await keptn.call({ method: 'GET', path }, never)
    t.like(result, { ok: false, status: 0, mayHaveArrived: true })
    t.regex(keptn.trouble ?? '', /^http:\/\/127\.0\.0\.1:\d+: (no answer in time|.*timeout)/i)
  }
})

test('an answer that is too large is not read to its end', async (t) => {
  const http = await server(t, (_, response) => {
    response.end('x'.repeat(2_000))
  })
  const result = await api(t, http.url, { maxAnswerBytes: 1_000 }).call(get, never)
  t.is(result.ok ? '' : result.error.code, 'SIGNET_API_BAD_ANSWER')
})

test('whoever asked may stop waiting', async (t) => {
  const http = await server(t, () => {})
  const stop = new AbortController()
  const asked = api(t, http.url).call(get, stop.signal)
  stop.abort(new Error('stopped'))
  await t.throwsAsync(asked, { message: 'stopped' })
})

test('a certificate must be trusted and of the right name, unless that is switched off', async (t) => {
  const good = await server(t, (_, response) => json(response, 200, {}), 'loopback')
  const wrong = await server(t, (_, response) => json(response, 200, {}), 'elsewhere')
  t.true((await api(t, good.url, { tlsCa: TLS_CA }).call(get, never)).ok)
  for (const keptn of [api(t, good.url), api(t, wrong.url, { tlsCa: TLS_CA })]) {
    t.like(await keptn.call(get, never), { ok: false, mayHaveArrived: false })
    t.regex(keptn.trouble ?? '', /its certificate is not accepted .* HTTP_SSL_VERIFY/)
  }
  t.deepEqual([good.came.length, wrong.came.length], [1, 0])
  t.true((await api(t, wrong.url, { verifyTls: false }).call(get, never)).ok)
})

test('a proxy is used, with its own credentials, and never for the own machine', async (t) => {
  const proxy = await server(t, () => {})
  const connects: unknown[] = []
  proxy.tunnel((target, authorization) => connects.push([target, authorization]))
  const http = await server(t, (_, response) => json(response, 200, {}), 'loopback')
  const over = {
    proxies: { httpsProxy: `http://me:pass%20word@127.0.0.1:${proxy.port}` },
    verifyTls: false,
  }
  t.true((await api(t, `https://keptn.test:${http.port}`, over).call(get, never)).ok)
  t.deepEqual(connects, [
    [`keptn.test:${http.port}`, `Basic ${Buffer.from('me:pass word').toString('base64')}`],
  ])
  t.true((await api(t, http.url, over).call(get, never)).ok)
  t.is(connects.length, 1)
})

test('what is asked just before a request is written is asked when the connection is there, and can call it off', async (t) => {
  const server = await LoopbackHttp.start((_, response) => {
    response.end('{}')
  })
  t.teardown(() => server[Symbol.asyncDispose]())
  // Accepts, and is never ready for a request.
  const deaf = createServer(() => undefined)
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  t.teardown(() => deaf.close())
  let asked = 0
  const exchanged = () => {
    const made = new Exchange({
      proxies: {},
      verifyTls: true,
      timeoutMs: 20_000,
      maxAnswerBytes: 1_000,
    })
    t.teardown(() => made.close())
    return made
  }
  const send = (url: string, before: () => void, exchange = exchanged()) =>
    exchange.send(
      { method: 'POST', url: new URL(url), headers: {}, body: 'äbc', before },
      new AbortController().signal,
    )
  const count = (): void => {
    asked += 1
  }
  const { port } = deaf.address() as AddressInfo
  const given = exchanged()
  const waiting = send(`https://127.0.0.1:${port}/`, count, given)
  await once(deaf, 'connection')
  await sleep(100)
  t.is(asked, 0, 'there is no connection to write to')
  await given.close()
  t.not((await waiting).kind, 'answered')
  t.is((await send(server.url, count)).kind, 'answered')
  t.is(asked, 1)
  t.like(server.came[0], { body: 'äbc', headers: { 'content-length': '4' } })
  const refused = await send(server.url, () => {
    throw new SignetError('SIGNET_NOT_LEADING', 'no')
  })
  t.is(refused.kind, 'unsent')
  t.like(refused, { error: { code: 'SIGNET_NOT_LEADING' } })
  t.is(server.came.length, 1)
})
