import test from 'ava'
import type { Frame } from '../../src/domain/tunnel-frame.ts'
import { decodeFrame, encodeFrame } from '../../src/domain/tunnel-frame.ts'
import { apiSubject } from '../../src/domain/subject.ts'
import type { Place } from '../../src/domain/subject.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { eventually } from '../support/eventually.ts'
import { counted } from '../support/metrics.ts'
import { rawCall } from '../support/raw-http.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import { PLACE, SCOPE, topology } from '../support/stamp-agent.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'

const HEAD = {
  id: '0000',
  service: 'resource-service',
  method: 'GET',
  target: '/v1/x',
  headers: [] as readonly (readonly [string, string])[],
  upload: 'whole' as 'whole' | 'stream' | 'sent',
  answerMs: 5_000,
  chunkBytes: 65_536,
  credit: 1,
}

async function asked(rig: TunnelRig, bytes: Uint8Array, place: Place = PLACE): Promise<Frame> {
  const { connection } = await rig.side('eu-1')
  const answer = await connection.request(apiSubject(SCOPE, place), bytes, { timeout: 10_000 })
  const frame = decodeFrame(answer.data)
  if (frame === undefined) throw new Error('no frame')
  return frame
}

function ask(over: object = {}): Uint8Array {
  return encodeFrame({ kind: 'ask', head: { ...HEAD, ...over }, body: new Uint8Array() })
}

test('what an entry of ours would not send is refused, counted, and reaches no service', async (t) => {
  const rig = await TunnelRig.start(t)
  const metrics = new Metrics()
  await rig.exit({ metrics })
  const refused = [
    ['bad-request', Buffer.from('GET / HTTP/1.1')],
    ['bad-request', encodeFrame({ kind: 'data', head: { n: 0 }, body: Buffer.from('x') })],
    ['bad-request', ask({ service: 'kubernetes' })],
    ['bad-request', ask({ target: 'http://169.254.169.254/latest' })],
    ['bad-request', ask({ target: '/v1/x HTTP/1.1\r\nHost: evil' })],
    ['bad-request', ask({ target: '/v1/../x' })],
    ['bad-request', ask({ headers: [['x-a', 'b\r\nx-token: c']] })],
    ['bad-request', ask({ headers: [['x a', 'b']] })],
    ['bad-request', ask({ headers: [['Transfer-Encoding', 'chunked']] })],
    ['bad-request', ask({ headers: [['content-length', '5']] })],
    ['bad-request', ask({ headers: [['Host', 'evil']] })],
    ['bad-request', ask({ headers: [['Connection', 'upgrade']] })],
    ['bad-request', ask({ headers: [['x', 'y'.repeat(40_000)]] })],
    ['method', ask({ method: 'CONNECT' })],
    ['method', ask({ method: 'GET /x' })],
    ['denied', ask({ method: 'DELETE', target: '/v1/project/shop' })],
    ['not-allowed', ask({ service: 'secret-service' })],
  ] as const
  for (const [reason, bytes] of refused) {
    const frame = await asked(rig, bytes)
    t.is(frame.kind, 'fail')
    t.like(frame.head, { reason, applied: 'no' })
  }
  for (const place of [
    { ...PLACE, stamp: 'eu-2' },
    { ...PLACE, geo: 'us' },
    { ...PLACE, stamp: 'eu-core' },
  ])
    t.like((await asked(rig, ask(), place)).head, { reason: 'unknown-stamp' })
  t.deepEqual(rig.service.seen, [])
  const count = (reason: string) => counted(metrics, 'signet_tunnel_requests_total', { reason })
  t.is(await count('bad-request'), refused.filter(([reason]) => reason === 'bad-request').length)
  t.is(await count('unknown-stamp'), 3)
  t.is(await count('denied'), 1)
  t.is((await asked(rig, ask())).kind, 'answer')
})

test('what would let a stamp in goes no further than the exit, and the token of the hub no further than the gateway', async (t) => {
  const rig = await TunnelRig.start(t)
  const exit = await rig.exit()
  const forged = [
    ['X-Token', 'forged'],
    ['authorization', 'Bearer forged'],
    ['x-kept', '1'],
  ]
  t.is((await asked(rig, ask({ headers: forged }))).kind, 'answer')
  t.deepEqual(rig.service.seen.at(-1)?.rawHeaders.slice(2, 4), ['x-kept', '1'])
  t.notRegex(JSON.stringify(rig.service.seen), /forged/)
  await exit.stop(AbortSignal.timeout(5_000))

  const endpoint = `${rig.service.url}/api`
  await rig.exit({ way: { kind: 'gateway', endpoint, token: 'sesame', verifyTls: false } })
  rig.service.answer = (_, response) => {
    response.setHeader('x-token', 'sesame')
    response.statusCode = 401
    response.end('no')
  }
  const target = '/v1/project/p/resource/helm%2Fx.tgz?gitCommitID='
  const frame = await asked(rig, ask({ headers: forged, target }))
  t.like(frame.head, { status: 401 })
  t.notRegex(JSON.stringify(frame.head), /sesame/)
  const seen = rig.service.seen.at(-1)
  t.is(seen?.target, '/api/resource-service/v1/project/p/resource/helm%252Fx.tgz?gitCommitID=')
  const tokens = seen?.rawHeaders.filter(
    (_, at, all) => all[at - (at % 2)]?.toLowerCase() === 'x-token',
  )
  t.deepEqual(tokens, ['x-token', 'sesame'])
  t.notRegex(JSON.stringify(seen), /forged/)
  await rig.service[Symbol.asyncDispose]()
  const away = await asked(rig, ask({ target: '/v1/y' }))
  t.like(away.head, { reason: 'service-away' })
  t.notRegex(JSON.stringify(away.head), /sesame/)
})

test('a stamp cannot ask as another, nor meddle with a call of another', async (t) => {
  const own = apiSubject(SCOPE, PLACE)
  const rig = await TunnelRig.start(t, {
    config: `authorization { users: [
      { user: home, password: home }
      { user: stamp, password: stamp, permissions: {
        publish: { allow: ["${own}", "${own}.>"] }
        subscribe: { allow: ["_INBOX.${PLACE.stamp}.>"] } } } ] }`,
    users: { stamp: 'stamp', home: 'home' },
  })
  await rig.exit()
  const client = await rig.client()
  const url = await rig.http(client)
  // Least rights are enough for small and large bodies both ways.
  rig.service.answer = (_, response, seen) => response.end(seen.body)
  const body = Buffer.alloc(2_000_000, 'x')
  const call = { method: 'POST', target: '/v1/x', host: 'resource-service', body }
  t.is((await rawCall(url, call)).body.length, body.length)

  const { connection } = await rig.side(PLACE.stamp)
  for (const subject of [
    apiSubject(SCOPE, { ...PLACE, stamp: 'eu-2' }),
    'signet.acme.api.main.us.canary.us-1',
    'signet.acme.api.other.eu.canary.eu-1',
    '_INBOX.eu-core.x',
  ])
    await t.throwsAsync(connection.request(subject, ask(), { timeout: 5_000 }), {
      message: /[Pp]ermissions? [Vv]iolation/,
    })
})

test('what another stamp says of a call is not listened to', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const url = await rig.http(await rig.client())
  let release: () => void = () => undefined
  rig.service.answer = (_, response) => {
    release = () => response.end('undisturbed')
  }
  const { connection } = await rig.side('eu-1')
  const heard: string[] = []
  connection.subscribe('_INBOX.eu-1.>', {
    callback: (_, message) => {
      const frame = decodeFrame(message.data)
      if (frame !== undefined && 'to' in frame.head && frame.head.to !== undefined)
        heard.push(frame.head.to)
    },
  })
  await connection.flush()
  const call = rawCall(url, { target: '/v1/x', host: 'resource-service' })
  await eventually('the call tells where it is', () => heard.length > 0, 20_000)
  const other = apiSubject(SCOPE, { ...PLACE, stamp: 'eu-2' })
  connection.publish(`${other}.${heard[0]}`, encodeFrame({ kind: 'cancel', head: {} }))
  connection.publish(`${other}.${heard[0]}`, Buffer.from('noise'))
  await connection.flush()
  release()
  t.is((await call).body.toString(), 'undisturbed')
})

test('a stamp that joined is asked for, at the place where it was taken in', async (t) => {
  const rig = await TunnelRig.start(t)
  const newcomer = { geo: 'eu', ring: 'canary', stamp: 'eu-new' }
  const listed = topology()
  const joins = {
    ...listed,
    geoRings: ['canary', 'broad'].map((ring) => ({
      geo: 'eu',
      ring,
      join: { allow: ['eu-*'], approve: 'manual' as const },
    })),
  }
  let taken: Place | undefined
  await rig.exit({ topology: fixedTopology(joins), joined: () => Promise.resolve(taken) })
  t.like((await asked(rig, ask(), newcomer)).head, { reason: 'unknown-stamp' })
  taken = newcomer
  t.is((await asked(rig, ask(), newcomer)).kind, 'answer')
  t.like((await asked(rig, ask(), { ...newcomer, ring: 'broad' })).head, {
    reason: 'unknown-stamp',
  })
})

test('a stamp has its own registrations, and no others', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const registered = (id: string, namespace: string) => ({
    id,
    metadata: { kubernetesmetadata: { namespace } },
  })
  const all = [registered('a1', 'keptn.eu-1'), registered('b2', 'keptn.eu-2')]
  const base = '/v1/uniform/registration'
  rig.service.answer = (_, response, { target, method }) => {
    const id = new URL(target, 'http://x').searchParams.get('id')
    response.end(
      JSON.stringify(method === 'GET' && id !== null ? all.filter((it) => it.id === id) : {}),
    )
  }
  const { connection } = await rig.side('eu-1')
  const asks = async (method: string, target: string, body?: object | string): Promise<string> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body ?? '')
    const head = { ...HEAD, id: `call-${Math.random()}`.replace('.', ''), method, target }
    const service = 'shipyard-controller'
    const bytes = encodeFrame({ kind: 'ask', head: { ...head, service }, body: Buffer.from(text) })
    const answer = await connection.request(apiSubject(SCOPE, PLACE), bytes, { timeout: 20_000 })
    const frame = decodeFrame(answer.data)
    return frame?.kind === 'fail' ? frame.head.reason : (frame?.kind ?? 'none')
  }
  t.is(await asks('POST', base, registered('', 'keptn.eu-1')), 'answer')
  t.is(await asks('PUT', `${base}/a1/ping`), 'answer')
  t.is(await asks('DELETE', `${base}/a1`), 'answer')
  t.is(await asks('PUT', `${base}/nobody/ping`), 'answer')
  for (const [method, target, body] of [
    ['POST', base, registered('', 'keptn.eu-2')],
    ['POST', base, registered('', 'keptn')],
    ['POST', base, registered('', '.eu-1')],
    ['POST', base, {}],
    ['PUT', `${base}/b2/ping`],
    ['PUT', `${base}/b2/subscription/x`],
    ['DELETE', `${base}/b2`],
    ['GET', `${base}/b2/subscription`],
    ['GET', base],
    ['GET', `${base}?namespace=keptn.eu-1`],
    ['GET', `${base}?id=b2`],
    ['DELETE', `${base}/`],
  ] as const)
    t.is(await asks(method, target, body), 'other-stamp', `${method} ${target}`)
  const twins = '{"metadata":{"kubernetesmetadata":{"namespace":"a.eu-1","Namespace":"a.eu-2"}}}'
  t.is(await asks('POST', base, twins), 'bad-request')
  const log = '{"logs":[{"integrationId":"b2","message":"x"}]}'
  t.is(await asks('POST', '/v1/log', log), 'bad-request')
  t.is(await asks('POST', '/v1/log', log.replace('Id', 'id')), 'other-stamp')
  t.false(rig.service.seen.some(({ target }) => target.includes('/b2')))
})
