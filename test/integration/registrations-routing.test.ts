import test from 'ava'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { TEST } from '../support/registrations.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { BASE, call } from '../support/uniform-calls.ts'
import { QUICK } from '../support/uniform-pod.ts'

const LIMIT_MS = 30_000

test('what is edited in the Bridge reaches an integration over the tunnel, and changes where tasks go', async (t) => {
  await using rig = await startRig()
  const keptn = await rig.startKeptn()
  const way = { kind: 'internal', urls: servicesAt(keptn.url) } as const
  await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }) })
  const [a, b] = await Promise.all(
    ['a', 'b'].map(async (stamp) => {
      const { servicesUrl: url } = await rig.startAgentInside(stamp, { upstreamPace: QUICK })
      const integration = await rig.startIntegration(stamp, {
        registrationUrl: url,
        pingMs: 200,
        pingRetryMs: 200,
      })
      return { integration, url }
    }),
  )
  if (a === undefined || b === undefined) return t.fail()
  const inBridge = (stamp: string) =>
    keptn
      .registrations()
      .find(({ metadata }) => metadata.kubernetesmetadata.namespace === `keptn.${stamp}`)
  const isThere = (stamp: string) => inBridge(stamp)?.subscriptions?.length === 1
  await eventually(() => isThere('a') && isThere('b'), LIMIT_MS, 'both are in the Bridge')
  t.deepEqual(
    ['a', 'b'].map((stamp) => inBridge(stamp)?.metadata.location),
    ['eu/canary/a', 'us/canary/b'],
  )

  const deliver = async (): Promise<string> => {
    const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery', service: 'cart' }
    const { context } = await keptn.triggerSequence(trigger)
    const view = await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT_MS })
    t.is(view.outcome?.result, 'pass')
    return context
  }
  const took = (integration: typeof a.integration, context: string) =>
    integration.received().filter(({ event }) => event.shkeptncontext === context).length
  const before = await deliver()
  t.deepEqual([took(a.integration, before), took(b.integration, before)], [1, 1])

  const [own] = inBridge('b')?.subscriptions ?? []
  const list = `${BASE}/${inBridge('b')?.id}/subscription`
  await call(keptn.url, 'PUT', `${list}/added`, { event: TEST })
  await call(keptn.url, 'DELETE', `${list}/${own?.id}`)
  const subjects = () => b.integration.source.subjects.join()
  await eventually(() => subjects() === TEST, LIMIT_MS, 'the integration subscribes anew')
  // The task no longer goes to b, whose integration could not answer it.
  const after = await deliver()
  t.deepEqual([took(a.integration, after), took(b.integration, after)], [1, 0])

  const logs = [{ integrationid: b.integration.id, message: 'boom' }]
  t.like(await call(b.url, 'POST', '/v1/log', { logs }), { status: 200, text: '{}' })
  t.like((await call(keptn.url, 'GET', `/v1/log?integrationId=${inBridge('b')?.id}`)).json, {
    logs: [{ message: 'boom' }],
  })
})
