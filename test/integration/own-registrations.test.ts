import test from 'ava'
import type { ExecutionContext } from 'ava'
import { OwnRegistrations } from '../../src/tunnel/own-registrations.ts'
import { ServiceCaller } from '../../src/tunnel/service-caller.ts'
import { wanted } from '../support/registrations.ts'
import { PLACE } from '../support/stamp-agent.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'
import { servicesAt } from '../support/tunnel-config.ts'
import { BASE, registerOver } from '../support/uniform-calls.ts'
import { controlPlane } from '../support/uniform-pod.ts'

/** A control plane that has one integration of `eu-1` and one of `us-1`, and what guards it. */
async function rig(t: ExecutionContext) {
  const bridge = await controlPlane(t)
  const services = new ServiceCaller({ kind: 'internal', urls: servicesAt(bridge.url) })
  t.teardown(() => {
    services.close()
  })
  const own = new OwnRegistrations(services)
  const mine = await registerOver(bridge.url, wanted({ namespace: 'keptn.eu-1' }))
  const theirs = await registerOver(bridge.url, wanted({ namespace: 'keptn.us-1' }))
  const check = (method: string, target: string, json?: unknown) => {
    const body = Buffer.from(json === undefined ? '' : JSON.stringify(json))
    return own.check('eu-1', { method, target, body }, AbortSignal.timeout(10_000))
  }
  return { bridge, own, mine, theirs, check }
}

function isRefused(t: ExecutionContext, call: Promise<void>, reason = 'other-stamp') {
  return t.throwsAsync(call, {
    code: reason === 'too-large' ? 'SIGNET_TOO_LARGE' : 'SIGNET_TUNNEL_REFUSED',
  })
}

test('a stamp pings, changes and removes its own integrations, and nobody else’s', async (t) => {
  const { mine, theirs, check } = await rig(t)
  for (const [method, rest] of [
    ['PUT', '/ping'],
    ['POST', '/subscription'],
    ['PUT', '/subscription/x'],
    ['DELETE', '/subscription/x'],
    ['GET', '/subscription'],
    ['DELETE', ''],
  ] as const) {
    await t.notThrowsAsync(check(method, `${BASE}/${mine}${rest}`))
    await isRefused(t, check(method, `${BASE}/${theirs}${rest}`))
    await isRefused(t, check(method, `${BASE}/${theirs}${rest}?x=1`))
  }
  const escaped = `%${theirs.charCodeAt(0).toString(16)}${theirs.slice(1)}`
  await isRefused(t, check('PUT', `${BASE}/${escaped}/ping`))
})

test('a stamp registers in its own name, and cannot list what others have', async (t) => {
  const { check } = await rig(t)
  await t.notThrowsAsync(check('POST', BASE, wanted({ namespace: 'other.eu-1' })))
  for (const namespace of ['keptn.us-1', 'keptn', '.eu-1', 'keptn.eu-1.us-1'])
    await isRefused(t, check('POST', BASE, wanted({ namespace })))
  await isRefused(t, check('POST', BASE, []))
  for (const target of [BASE, `${BASE}?namespace=keptn.eu-1`, `${BASE}/`])
    await isRefused(t, check('GET', target))
})

test('a stamp sends logs of its own integrations, and reads none', async (t) => {
  const { own, mine, theirs, check } = await rig(t)
  await t.notThrowsAsync(check('POST', '/v1/log', { logs: [{ integrationid: mine }, {}] }))
  await isRefused(
    t,
    check('POST', '/v1/log', { logs: [{ integrationid: mine }, { integrationid: theirs }] }),
  )
  await isRefused(t, check('GET', '/v1/log'))
  const ids = Array.from({ length: 65 }, (_, index) => ({ integrationid: `id-${index}` }))
  await isRefused(t, check('POST', '/v1/log', { logs: ids }), 'too-large')
  const inParts = { method: 'POST', target: '/v1/log', body: undefined }
  await isRefused(t, own.check('eu-1', inParts, AbortSignal.timeout(1_000)), 'too-large')
})

test('what belongs to nobody passes, and whose it is counts once it is somebody’s', async (t) => {
  const { bridge, check } = await rig(t)
  const unknown = `${BASE}/${'0'.repeat(40)}/ping`
  await t.notThrowsAsync(check('PUT', unknown))
  await t.notThrowsAsync(check('GET', '/v1/project/shop/stage'))
  const later = await registerOver(bridge.url, wanted({ name: 'later', namespace: 'keptn.us-1' }))
  await isRefused(t, check('PUT', `${BASE}/${later}/ping`))
})

test('a control plane that cannot say whose it is lets nothing pass', async (t) => {
  const { bridge, mine, check } = await rig(t)
  await bridge.stop()
  await t.throwsAsync(check('PUT', `${BASE}/${mine}/ping`), { code: 'SIGNET_TUNNEL_BROKEN' })
})

test('the end of the tunnel asks before it passes a call on', async (t) => {
  const tunnel = await TunnelRig.start(t)
  await tunnel.exit()
  const client = await tunnel.client()
  const theirs = '0'.repeat(40)
  const mine = '1'.repeat(40)
  tunnel.service.answer = (_, response, { target }) => {
    const id = target.includes(theirs) ? theirs : mine
    const namespace = id === theirs ? 'keptn.us-1' : `keptn.${PLACE.stamp}`
    response.end(JSON.stringify([{ ...wanted({ namespace }), id }]))
  }
  const ping = (id: string) => {
    const target = `${BASE}/${id}/ping`
    return client.call({ service: 'shipyard-controller', method: 'PUT', target, headers: [] })
  }
  await t.throwsAsync(ping(theirs), { code: 'SIGNET_TUNNEL_REFUSED' })
  t.is((await ping(mine)).status, 200)
  t.is((await ping(mine)).status, 200)
  // Whose an id is, is asked once.
  t.deepEqual(
    tunnel.service.seen.map(({ method }) => method),
    ['GET', 'GET', 'PUT', 'PUT'],
  )
})
