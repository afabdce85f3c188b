import test from 'ava'
import { delivered, exactlyOnce, trigger } from '../support/fan-in.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { QUICK } from '../support/uniform-pod.ts'

const TOKEN = 'sesame'
const LIMIT = 60_000

test('a task goes through a ring on NATS, then through one on HTTPS, and is one task to Keptn', async (t) => {
  t.timeout(240_000)
  await using rig = await startRig({
    rings: ['canary', 'early'],
    stamps: [
      { name: 'a', geo: 'eu', ring: 'canary', link: 'nats' },
      { name: 'b', geo: 'us', ring: 'early', link: 'https' },
    ],
    stages: [{ stage: 'dev', rings: ['canary', 'early'] }],
  })
  const keptn = await rig.startKeptn(['deployment'], { token: TOKEN, validateEvents: true })
  const way = { kind: 'internal', urls: servicesAt(keptn.url) } as const
  const hub = await rig.startAgentInside(HOME, {
    tunnel: tunnelConfig({ way }),
    registrationsMs: 100,
  })
  const api = {
    endpoint: `${keptn.url}/api`,
    token: TOKEN,
    proxies: {},
    verifyTls: true,
    timeoutMs: 20_000,
    pollingMs: 100,
    failoverAfterMs: 30_000,
  }
  const [a, b] = await Promise.all([
    rig.startAgentInside('a', { upstreamPace: QUICK }),
    rig.startAgentInside('b', {
      api,
      gateway: { servers: ['nats://127.0.0.1:1'], auth: {} },
      upstreamPace: QUICK,
    }),
  ])
  const urls = new Map([
    ['a', a.servicesUrl],
    ['b', b.servicesUrl],
  ])
  const workers = await rig.startIntegrations((stamp) => ({
    registrationUrl: urls.get(stamp) ?? '',
    pingMs: 200,
  }))
  const known = async (): Promise<boolean> => {
    const response = await fetch(`${hub.adminUrl}/status`)
    const { hubs } = (await response.json()) as {
      hubs: { stamps: { integrations?: { known?: number; alive?: number } | null }[] }[]
    }
    const stamps = hubs[0]?.stamps ?? []
    return stamps.every(({ integrations }) => integrations?.alive === 1)
  }
  const isListed = () =>
    keptn.registrations().every(({ subscriptions }) => subscriptions?.length === 1)
  await eventually(isListed, LIMIT, 'Keptn knows what they want')
  await eventually(known, LIMIT, 'the hub knows both')
  const { context } = await trigger(rig)
  const got = await delivered(rig, context)
  t.is(got.outcome, 'pass')
  exactlyOnce(t, got, workers)
  t.like(got.data.signet, { deployment: { counts: { targets: 2, passed: 2 } } })
  const began = (stamp: string) => workers.get(stamp)?.received()[0]?.atMs ?? 0
  const ended = workers.get('a')?.sent().length
  t.is(ended, 2)
  t.true(began('a') < began('b'), 'ring by ring')
  t.deepEqual(keptn.duplicates(), [])
})
