import type { ExecutionContext } from 'ava'
import test from 'ava'
import { KeptnApi } from '../../src/https/keptn-api.ts'
import type { Came } from '../support/loopback-http.ts'
import { json, LoopbackHttp } from '../support/loopback-http.ts'

const never = new AbortController().signal
const get = { method: 'GET', path: '/api/x' } as const

interface Plan {
  /** Whether the client must be in the body. */
  readonly inBody?: boolean
  readonly expiresIn?: number
  readonly discovery?: boolean
  readonly secret?: string
}

/** An API that takes only the newest token, and the server that gives them. */
async function rig(t: ExecutionContext, plan: Plan = {}) {
  let clock = 0
  let given = 0
  const isClient = ({ body, headers }: Came): boolean => {
    const form = new URLSearchParams(body)
    const basic = `Basic ${Buffer.from('me:my%20secret').toString('base64')}`
    return plan.inBody === true
      ? form.get('client_id') === 'me' && form.get('client_secret') === 'my secret'
      : headers.authorization === basic
  }
  const http = await LoopbackHttp.start((came, response) => {
    if (came.path === '/discovery') {
      json(response, 200, { token_endpoint: `${http.url}/token` })
    } else if (came.path === '/token') {
      if (!isClient(came)) {
        json(response, 401, { error: 'invalid_client' })
        return
      }
      given += 1
      json(response, 200, { access_token: `token-${given}`, expires_in: plan.expiresIn ?? 300 })
    } else {
      const fine = came.headers.authorization === `Bearer token-${given}`
      json(response, fine ? 200 : 401, {})
    }
  })
  t.teardown(() => http[Symbol.asyncDispose]())
  const keptn = new KeptnApi({
    endpoint: http.url,
    proxies: {},
    verifyTls: true,
    timeoutMs: 20_000,
    maxAnswerBytes: 1_048_576,
    oauth: {
      clientId: 'me',
      clientSecret: plan.secret ?? 'my secret',
      scopes: ['keptn', 'all'],
      ...(plan.discovery === true
        ? { discovery: `${http.url}/discovery` }
        : { tokenUrl: `${http.url}/token` }),
    },
    now: () => clock,
  })
  t.teardown(() => keptn.close())
  return {
    http,
    keptn,
    later: (ms: number) => {
      clock += ms
    },
    revoke: () => {
      given += 1
    },
    asked: (path: string) => http.came.filter((came) => came.path === path),
  }
}

test('the token is fetched once for many calls, and again before it ends', async (t) => {
  const { keptn, later, asked } = await rig(t)
  const first = await Promise.all(Array.from({ length: 20 }, () => keptn.call(get, never)))
  t.true(first.every(({ ok }) => ok))
  t.is(asked('/token').length, 1)
  t.is(new URLSearchParams(asked('/token')[0]?.body).get('scope'), 'keptn all')
  later(239_000)
  await keptn.call(get, never)
  t.is(asked('/token').length, 1)
  later(2_000)
  t.true((await keptn.call(get, never)).ok)
  t.is(asked('/token').length, 2)
})

test('a token URL is found out once, by discovery', async (t) => {
  const { keptn, later, asked } = await rig(t, { discovery: true })
  t.true((await keptn.call(get, never)).ok)
  later(3_600_000)
  t.true((await keptn.call(get, never)).ok)
  t.deepEqual([asked('/discovery').length, asked('/token').length], [1, 2])
})

test('a server that wants the client in the body gets it there from then on', async (t) => {
  const { keptn, later, asked } = await rig(t, { inBody: true })
  t.true((await keptn.call(get, never)).ok)
  later(3_600_000)
  t.true((await keptn.call(get, never)).ok)
  t.deepEqual(
    asked('/token').map(({ headers }) => headers.authorization !== undefined),
    [true, false, false],
  )
})

test('a token that was revoked is replaced at once, and what it was refused for is done', async (t) => {
  const { keptn, revoke, asked } = await rig(t)
  t.true((await keptn.call(get, never)).ok)
  revoke()
  t.true((await keptn.call(get, never)).ok)
  t.is(asked('/token').length, 2)
})

test('a client that gets no token is told so, without its secret', async (t) => {
  const { keptn, asked } = await rig(t, { secret: 'wrong-secret' })
  const result = await keptn.call(get, never)
  t.is(result.ok ? '' : result.error.code, 'SIGNET_API_UNAUTHORIZED')
  t.regex(keptn.trouble ?? '', /\/token gives no token to this client; check OAUTH_CLIENT_ID/)
  t.false(JSON.stringify([result, keptn.trouble]).includes('wrong-secret'))
  t.is(asked('/api/x').length, 0)
})
