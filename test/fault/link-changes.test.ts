import type { ExecutionContext } from 'ava'
import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { answersOf, begin, sectionOf } from '../support/delivery.ts'
import { FaultyApi } from '../support/faulty-api.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import type { Listener } from '../support/listener.ts'
import { scraped } from '../support/metrics.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { QUICK } from '../support/uniform-pod.ts'

/** How often the link changes, and how many events pass meanwhile in each direction. */
const CHANGES = Number(process.env['LINK_CHANGES'] ?? 3)
const EVENTS = Number(process.env['LINK_EVENTS'] ?? 300)
const CONTEXTS = 10
const LIMIT = 120_000
const TOKEN = 'sesame'

/** A federation whose stamp `a` has both links: NATS that can be cut, and an API with faults. */
interface Changing {
  readonly rig: Rig
  readonly api: FaultyApi
  readonly agent: AgentInside
  readonly worker: Integration
  readonly heard: Listener
  /** After a cut, or into a hole: nothing comes through, and nobody is told. */
  readonly onHttps: (how?: 'cut' | 'hole') => Promise<unknown>
  readonly onNats: () => Promise<unknown>
}

async function federation(t: ExecutionContext, delayMs = 0): Promise<Changing> {
  const rig = await startRig({
    proxied: true,
    stamps: [{ name: 'a', geo: 'eu', ring: 'canary' }],
  })
  t.teardown(() => rig[Symbol.asyncDispose]())
  await rig.startKeptn(['deployment'], { token: TOKEN })
  const api = await FaultyApi.start(t, rig.keptn.url)
  const way = { kind: 'internal', urls: servicesAt(rig.keptn.url) } as const
  await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }), registrationsMs: 200 })
  const agent = await rig.startAgentInside('a', {
    api: {
      endpoint: `${api.url}/api`,
      token: TOKEN,
      proxies: {},
      verifyTls: true,
      timeoutMs: 5_000,
      pollingMs: 100,
      failoverAfterMs: 1_500,
    },
    upstreamPace: QUICK,
  })
  const heard = await rig.listen('a')
  const worker = await rig.startIntegration('a', {
    subscriptions: [{ event: 'sh.keptn.event.deployment.triggered' }, { event: NOTICE }],
    registrationUrl: agent.servicesUrl,
    pingMs: 200,
    delayMs,
  })
  const known = () => rig.keptn.registrations()[0]?.subscriptions?.length
  await eventually(() => known() === 2, LIMIT, 'Keptn knows what it wants')
  const isOn = (polls: boolean) => async (): Promise<boolean> => {
    const response = await fetch(`${agent.adminUrl}/status`)
    const status = (await response.json()) as { links: { https: { polls: boolean } } }
    return status.links.https.polls === polls && agent.reasons().length === 0
  }
  return {
    rig,
    api,
    agent,
    worker,
    heard,
    onHttps: async (how = 'cut') => {
      await (how === 'cut' ? rig.supercluster.cutGeo('eu') : rig.supercluster.holeGeo('eu'))
      await eventually(isOn(true), LIMIT, 'the stamp polls')
    },
    onNats: async () => {
      await rig.supercluster.healGeo('eu')
      await eventually(isOn(false), LIMIT, 'the stamp is back on NATS')
    },
  }
}

test.serial(
  'while the link changes again and again, nothing is lost or doubled, and each context keeps its order',
  async (t) => {
    t.timeout(LIMIT * (CHANGES + 2))
    const { rig, agent, worker, heard, onHttps, onNats } = await federation(t)
    const each = Math.ceil(EVENTS / CONTEXTS)
    // As long as all the changes take, about.
    const pauseMs = (CHANGES * 5_000) / each
    const up = new NumberedFlow(rig, { from: 'a', contexts: CONTEXTS, each, pauseMs })
    const down = new NumberedFlow(rig, { from: HOME, contexts: CONTEXTS, each, pauseMs })
    const contexts: string[] = []
    for (let change = 0; change < CHANGES; change += 1) {
      contexts.push((await begin(rig)).context)
      await (change % 2 === 0 ? onHttps(change % 4 === 0 ? 'cut' : 'hole') : onNats())
    }
    await Promise.all([up.published, down.published])
    await rig.supercluster.healGeo('eu')
    await eventually(
      async () => {
        const lost = up.missing(new Set(await up.arrivedHome()))
        return lost.length === 0 && down.missing(new Set(heard.ids)).length === 0
      },
      LIMIT,
      'all events',
    )
    const ends = contexts.map((context) =>
      rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT }),
    )
    for (const { outcome } of await Promise.all(ends)) t.is(outcome?.result, 'pass')
    // What was left to the other link as well comes now, or never.
    await onNats()
    const last = (await begin(rig)).context
    await rig.keptn.waitForSequence(last, 'dev', 'delivery', { timeoutMs: LIMIT })
    up.check(t, await up.arrivedHome(), 'up')
    down.check(t, heard.ids, 'down')
    up.check(t, heard.ids, 'no event comes back')
    for (const context of contexts) {
      t.deepEqual(answersOf(rig, context, 'deployment'), ['started signet', 'finished signet'])
      t.like(sectionOf(rig, context, 'deployment'), { counts: { targets: 1, passed: 1 } })
    }
    for (const [id, times] of worker.deliveries()) t.is(times, 1, id)
    const switches = await scraped(agent.adminUrl, 'signet_link_switches_total')
    t.true((switches ?? 0) >= CHANGES)
  },
)

test.serial(
  'what a broken link has swallowed half-way ends once: an answer by the other link, all else by its own',
  async (t) => {
    t.timeout(LIMIT * 3)
    const { rig, api, agent, worker, onHttps, onNats } = await federation(t, 1_000)
    const postsOf = (text: string) => api.posts.filter(({ body }) => body.includes(text)).length
    const say = async (): Promise<string> => {
      const id = randomUUID()
      const event = eventOf(NOTICE, { id }, { ref: id })
      await rig.publish('a', NOTICE, JSON.stringify(event))
      return id
    }
    const home = async (id: string) =>
      (await rig.storedIn(HOME, 'keptn')).filter(({ text }) => text.includes(`"ref":"${id}"`))
        .length

    // The acknowledgements of the hub store get lost: of an event, and of the answer to a task.
    const first = (await begin(rig)).context
    await eventually(
      () => answersOf(rig, first, 'deployment').includes('started signet'),
      LIMIT,
      'the task runs',
    )
    const switching = onHttps('hole')
    const bound = await say()
    await switching
    const free = await say()
    await eventually(async () => (await home(free)) === 1, LIMIT, 'what came later')
    const { outcome } = await rig.keptn.waitForSequence(first, 'dev', 'delivery', {
      timeoutMs: LIMIT,
    })
    t.is(outcome?.result, 'pass', 'the answer went by the other link')
    t.is(postsOf(bound), 0, 'what had begun over NATS stays there')

    // The API takes an event, and nobody hears that it did.
    let left = 1
    api.fault = ({ method, body }) => {
      if (method !== 'POST' || !body.includes(NOTICE) || left === 0) return undefined
      left -= 1
      return 'after-silent'
    }
    const posted = await say()
    await eventually(async () => (await home(posted)) === 1, LIMIT, 'the post')
    await onNats()
    await eventually(async () => (await home(bound)) === 1, LIMIT, 'what waited for NATS')
    const after = await say()
    await eventually(async () => (await home(after)) === 1, LIMIT, 'what comes over NATS')
    const { context } = await begin(rig)
    await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT })
    // Nothing is left that could still be sent again.
    await eventually(
      async () => (await scraped(agent.adminUrl, 'signet_in_flight', { direction: 'up' })) === 0,
      LIMIT,
      'all is decided',
    )
    for (const id of [bound, free, posted, after]) t.is(await home(id), 1, id)
    t.is(postsOf(posted), 1)
    t.is(postsOf(after), 0)
    t.deepEqual(answersOf(rig, first, 'deployment'), ['started signet', 'finished signet'])
    for (const [id, times] of worker.deliveries()) t.is(times, 1, id)
  },
)
