import test from 'ava'
import { rawCall } from '../support/raw-http.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'
import { rules } from '../support/tunnel-config.ts'

const RESOURCE = '/v1/project/shop/stage/dev/service/cart/resource'

interface Failed {
  readonly code: number
  readonly message: string
  readonly reason: string
}

test('targets reach the service as they were sent, at the names and at the paths', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const url = await rig.http(await rig.client())
  const targets = [
    `${RESOURCE}/job%2Fconfig.yaml`,
    `${RESOURCE}/job%252Fconfig.yaml?gitCommitID=`,
    `${RESOURCE}/helm%2fa+b%20c%2Btgz?`,
    `${RESOURCE}//a//b/?x=%2F&y=a+b&z=%zz&&=`,
    `${RESOURCE}?nextPageKey=&pageSize=20?&a=?`,
    `${RESOURCE}/a;b=c,d@e!$'()*~:%E2%82%AC`,
    `/?`,
    `/v1//projects///x/`,
    `/%41%2e.%2e`,
    `/${'a'.repeat(7_000)}`,
  ]
  for (const target of targets) {
    for (const call of [
      { target, host: 'resource-service:8080' },
      { target, host: 'Resource-Service.keptn.svc.cluster.local' },
      { target: `/resource-service${target}` },
      { target: `/configuration-service${target}` },
    ]) {
      const answer = await rawCall(url, call)
      t.is(answer.status, 200, target)
      t.is(rig.service.seen.at(-1)?.target, target)
    }
  }
  t.is(rig.service.seen.length, 4 * targets.length)
})

test('fields go both ways as they are, but for those of one connection and those that let somebody in', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const url = await rig.http(await rig.client())
  rig.service.answer = (_, response) => {
    response.sendDate = false
    response.writeHead(207, [
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'X-Odd',
      'caf\u00e9',
      'Keep-Alive',
      'timeout=1',
      'X-Token',
      'secret',
      'x-signet-cache',
      'hit',
      'Connection',
      'x-hop',
      'X-Hop',
      '1',
      'Transfer-Encoding',
      'chunked',
    ])
    response.end('done')
  }
  const answer = await rawCall(url, {
    method: 'PATCH',
    target: '/v1/x',
    host: 'resource-service',
    headers: [
      'X-Many',
      '1',
      'x-many',
      '2',
      'X-Many',
      '3',
      'traceparent',
      '00-aa-bb-01',
      'x-token',
      'forged',
      'Authorization',
      'Bearer forged',
      'Cookie',
      'a=b',
      'Connection',
      'keep-alive, x-mine',
      'x-mine',
      '1',
      'TE',
      'trailers',
      'Content-Type',
      'application/json',
    ],
    body: Buffer.from('{}'),
  })
  t.is(answer.status, 207)
  t.is(answer.body.toString(), 'done')
  t.deepEqual(
    answer.rawHeaders.filter(
      (_, at) => !/^(connection|keep-alive)$/i.test(answer.rawHeaders[at - (at % 2)] ?? ''),
    ),
    ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Odd', 'caf\u00e9', 'content-length', '4'],
  )
  const [seen] = rig.service.seen
  t.is(seen?.method, 'PATCH')
  t.deepEqual(seen?.rawHeaders.slice(0, 12), [
    'host',
    rig.service.url.slice(7),
    'X-Many',
    '1',
    'x-many',
    '2',
    'X-Many',
    '3',
    'traceparent',
    '00-aa-bb-01',
    'Content-Type',
    'application/json',
  ])
  t.notRegex(JSON.stringify(seen?.rawHeaders), /forged|x-mine|trailers|cookie/i)
})

test('any status passes, and answers without a body keep their fields', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const url = await rig.http(await rig.client())
  for (const status of [200, 201, 204, 301, 304, 400, 401, 404, 409, 424, 500, 503, 599]) {
    rig.service.answer = (_, response) => {
      response.writeHead(status, { location: '/elsewhere' })
      response.end(status === 204 || status === 304 ? undefined : `status ${status}`)
    }
    const answer = await rawCall(url, { target: '/v1/x', host: 'resource-service' })
    t.is(answer.status, status)
    t.is(answer.header('location'), '/elsewhere')
  }
  rig.service.answer = (_, response) => {
    response.setHeader('content-length', '1234567')
    response.end()
  }
  const head = await rawCall(url, { method: 'HEAD', target: '/v1/x', host: 'resource-service' })
  t.is(head.header('content-length'), '1234567')
  t.is(head.body.length, 0)
  rig.service.answer = (_, response, seen) => response.end(String(seen.body.length))
  const put = { method: 'PUT', target: '/v1/x', host: 'resource-service', body: Buffer.alloc(0) }
  t.is((await rawCall(url, put)).body.toString(), '0')
})

test('what is no service, too large, not allowed or misleading is refused in one shape', async (t) => {
  const rig = await TunnelRig.start(t, {
    rules: rules('GET resource-service/v1/project/*/resource/**'),
  })
  await rig.exit()
  const url = await rig.http(await rig.client(), { mostBytes: 1_000 })
  const at = 'resource-service'
  const cases = [
    [404, 'no-such-service', { target: '/nothing' }],
    [404, 'no-such-service', { target: '/resource-servicex/v1/project/p/resource' }],
    [403, 'not-allowed', { target: '/v1/project/p/resource', host: 'secret-service' }],
    [403, 'not-allowed', { target: '/v1/project/p/resource', host: at, method: 'DELETE' }],
    [403, 'denied', { target: '/v1/project/p', host: at }],
    [403, 'denied', { target: '/v1/%70roject/p/stage', host: at }],
    [403, 'not-allowed', { target: '/v1/%70roject/p/resource/x', host: at }],
    [403, 'not-allowed', { target: '/v1/project/a%2Fb/resource/x', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/../x', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/%2e%2e/x', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/a%252F..%252Fx', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/%0d%0aX:y', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/a%5Cb', host: at }],
    [400, 'bad-request', { target: '/v1/project/p/resource/%zz', host: at }],
    [
      413,
      'too-large',
      { target: '/v1/project/p/resource', host: at, method: 'POST', body: Buffer.alloc(1_001) },
    ],
  ] as const
  for (const [status, reason, call] of cases) {
    const answer = await rawCall(url, call)
    const body = JSON.parse(answer.body.toString()) as Failed
    t.is(answer.status, status, call.target)
    t.like(body, { code: status, reason }, call.target)
    t.true(body.message.length > 10)
  }
  const chunked = await rawCall(url, {
    target: '/v1/project/p/resource',
    host: at,
    method: 'POST',
    headers: ['transfer-encoding', 'chunked'],
    body: Buffer.alloc(1_001),
  }).catch((error: unknown) => error)
  t.truthy(chunked)
  t.deepEqual(rig.service.seen, [])
  t.is((await rawCall(url, { target: '/v1/project/p/resource', host: at })).status, 200)
})
