import test from 'ava'
import { eventually } from '../support/eventually.ts'
import type { Fault } from '../support/faulty-api.ts'
import { FaultyApi } from '../support/faulty-api.ts'
import { counted, HttpsStamp, wants } from '../support/https-stamp.ts'
import { json, LoopbackHttp } from '../support/loopback-http.ts'
import { rig } from '../support/keptn-by-hand.ts'

const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
const LIMIT = 60_000

const FAULTS: readonly (readonly [what: string, fault: Fault, told: RegExp])[] = [
  ['answers with 500', 500, /answers .* with 500/],
  ['asks to wait with 429', 429, /answers .* with 429/],
  ['refuses the token', 401, /answers with 401; the token is not accepted: check KEPTN_API_TOKEN/],
  ['resets every connection', 'reset', /other side closed|ECONNRESET|socket hang up/],
  ['takes requests and never answers', 'silent', /no answer in time|Timeout/i],
  ['never ends its answers', 'slow', /no answer in time|Timeout/i],
  ['is another page', 200, /with no list of events; is KEPTN_API_ENDPOINT the address/],
]

for (const [what, fault, told] of FAULTS) {
  test(`while the API ${what}, nothing is lost or doubled, and the trouble is told`, async (t) => {
    t.timeout(180_000)
    const { keptn, byHand } = await rig(t, { token: 'sesame' })
    const api = await FaultyApi.start(t, keptn.url)
    const stamp = await HttpsStamp.start(t, {
      endpoint: `${api.url}/api`,
      token: 'sesame',
      integrations: [wants([DEPLOYMENT])],
      timeoutMs: typeof fault === 'number' ? 20_000 : 1_000,
    })
    const link = await stamp.link()
    const before = await (await byHand()).task('deployment')
    await eventually('the first', () => stamp.heard.withId(before).length === 1, LIMIT)
    await eventually('readiness', () => link.role.notReady === undefined, LIMIT)
    api.fault = () => fault
    const during = await (await byHand()).task('deployment')
    await eventually('trouble', () => told.test(link.role.notReady ?? ''), LIMIT)
    t.false((link.role.notReady ?? '').includes('sesame'))
    t.true((await counted(link.metrics, 'signet_polls_total', 'failed')) > 0)
    api.fault = () => undefined
    const after = await (await byHand()).task('deployment')
    await eventually('all', () => stamp.heard.withId(after).length === 1, LIMIT)
    await eventually('no trouble', () => link.role.notReady === undefined, LIMIT)
    t.deepEqual(stamp.heard.ids.toSorted(), [before, during, after].toSorted())
  })
}

test('a wrong certificate is told, and nothing is sent to who has it', async (t) => {
  t.timeout(120_000)
  const wrong = await LoopbackHttp.start((_, response) => {
    response.end('{}')
  }, 'elsewhere')
  t.teardown(() => wrong[Symbol.asyncDispose]())
  const stamp = await HttpsStamp.start(t, {
    endpoint: `${wrong.url}/api`,
    token: 'sesame',
    integrations: [wants([DEPLOYMENT])],
  })
  const link = await stamp.link()
  const told = () => /its certificate is not accepted \(/.test(link.role.notReady ?? '')
  await eventually('trouble', told, LIMIT)
  t.is(wrong.came.length, 0)
})

test('tokens that end all the time cost no event, and one that cannot be got is told', async (t) => {
  t.timeout(120_000)
  const { keptn, byHand } = await rig(t)
  const api = await FaultyApi.start(t, keptn.url)
  let given = 0
  let isClosed = false
  const tokens = await LoopbackHttp.start((_, response) => {
    given += 1
    if (isClosed) json(response, 401, { error: 'invalid_client' })
    else json(response, 200, { access_token: `token-${given}`, expires_in: 1 })
  })
  t.teardown(() => tokens[Symbol.asyncDispose]())
  // Every third token is revoked as soon as it is used.
  let revoked = ''
  api.fault = ({ headers }) => {
    const token = headers.authorization ?? ''
    if (given % 3 === 0 && token !== revoked) {
      revoked = token
      return 401
    }
    return token === `Bearer token-${given}` ? undefined : 401
  }
  const stamp = await HttpsStamp.start(t, {
    endpoint: `${api.url}/api`,
    integrations: [wants([DEPLOYMENT])],
    oauth: { clientId: 'me', clientSecret: 'secret', scopes: ['all'], tokenUrl: tokens.url },
  })
  const link = await stamp.link()
  for (let n = 0; n < 3; n += 1) {
    const id = await (await byHand()).task('deployment')
    await eventually('the task', () => stamp.heard.withId(id).length === 1, LIMIT)
  }
  await eventually('several tokens', () => given > 3, LIMIT)
  isClosed = true
  await eventually(
    'trouble',
    () => /gives no token to this client/.test(link.role.notReady ?? ''),
    LIMIT,
  )
  t.false((link.role.notReady ?? '').includes('secret'))
  isClosed = false
  const last = await (await byHand()).task('deployment')
  await eventually('the last task', () => stamp.heard.withId(last).length === 1, LIMIT)
})

test('without a datastore open events are all there is: every one of them, and a warning', async (t) => {
  t.timeout(120_000)
  const { keptn, byHand } = await rig(t)
  const api = await FaultyApi.start(t, keptn.url)
  api.fault = ({ path }) => (path.includes('/mongodb-datastore/') ? 404 : undefined)
  const stamp = await HttpsStamp.start(t, {
    endpoint: `${api.url}/api`,
    integrations: [wants([DEPLOYMENT]), wants([DEPLOYMENT])],
  })
  const runs = await Promise.all(Array.from({ length: 45 }, () => byHand()))
  const ids = await Promise.all(runs.map((run) => run.task('deployment')))
  const link = await stamp.link()
  await eventually('all', () => ids.every((id) => stamp.heard.withId(id).length === 1), LIMIT)
  t.is(stamp.heard.heard.length, ids.length)
  t.regex(link.role.warning ?? '', /has no datastore/)
  await eventually('readiness', () => link.role.notReady === undefined, LIMIT)
  // A type is asked for once in a round, whoever wants it, and in one page.
  const asked = api.http.came.filter(({ path }) => path.endsWith(DEPLOYMENT))
  t.true(asked.every(({ query }) => query.get('pageSize') === '1000'))
})
