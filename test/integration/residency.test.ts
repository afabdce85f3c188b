import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { LOCAL_STREAM } from '../../src/domain/store-names.ts'
import type { EchoService } from '../support/echo-service.ts'
import { startEchoService } from '../support/echo-service.ts'
import { deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { scraped } from '../support/metrics.ts'
import { rawCall } from '../support/raw-http.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { QUICK } from '../support/uniform-pod.ts'

const LIMIT_MS = 30_000
const SECRET = 'only-for-this-geo'
const LOCAL_ONLY = 'sh.keptn.event.audit.finished'

/** `a` stands in `eu`, `b` in `us`, home in `hub`. What `us` says may go anywhere. */
const residency = {
  hub: {
    leave: 'deny',
    allow: [
      { to: 'us', events: ['*'] },
      { to: 'eu', events: ['event.deployment.triggered'], drop: ['data.secret'] },
      { to: 'eu', events: ['api.resource-service.*'] },
    ],
  },
  eu: {
    leave: 'deny',
    allow: [
      {
        to: 'hub',
        events: ['event.deployment.*', 'event.relayed.*'],
        drop: ['data.secret'],
        hash: ['data.labels.owner'],
      },
      { to: 'hub', events: ['log.*'], drop: ['data.task'] },
      { to: 'hub', events: ['api.resource-service.get', 'api.mongodb-datastore.get'] },
    ],
  },
}

let rig: Rig
let service: EchoService
let home: AgentInside
let a: AgentInside
let b: AgentInside
let inA: Integration
let inB: Integration

test.serial.before(async (t) => {
  t.timeout(90_000)
  service = await startEchoService()
  rig = await startRig({ residency })
  await rig.startKeptn(['deployment', 'test'])
  const urls = { ...servicesAt(service.url), 'shipyard-controller': rig.keptn.url }
  const way = { kind: 'internal', urls } as const
  home = await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }) })
  const local = tunnelConfig({ cacheBytes: 0 })
  a = await rig.startAgentInside('a', { upstreamPace: QUICK, tunnel: local })
  b = await rig.startAgentInside('b', { upstreamPace: QUICK, tunnel: local })
  const tasks = ['sh.keptn.event.deployment.triggered', 'sh.keptn.event.test.triggered']
  const more = ['sh.keptn.event.deployment.finished', 'sh.keptn.event.relayed.changed']
  const subscribed = (types: readonly string[]) => types.map((event) => ({ event }))
  const data = { secret: SECRET, labels: { owner: 'carol' }, kept: 'yes' }
  inA = await rig.startIntegration('a', {
    registrationUrl: a.servicesUrl,
    subscriptions: subscribed([...tasks, NOTICE]),
    data,
  })
  inB = await rig.startIntegration('b', {
    registrationUrl: b.servicesUrl,
    subscriptions: subscribed([...tasks, ...more, NOTICE]),
  })
})

test.serial.after.always(async () => {
  await rig[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
})

/** Does something, and resolves when it has been refused and counted once more: as `direction reason`. */
async function refused(what: string, act: () => Promise<unknown>): Promise<void> {
  const [direction = '', reason = ''] = what.split(' ')
  const sum = async () => {
    const name = 'signet_residency_refusals_total'
    const all = [home, a, b].map(({ adminUrl }) => scraped(adminUrl, name, { direction, reason }))
    return (await Promise.all(all)).reduce<number>((total, value = 0) => total + value, 0)
  }
  const before = await sum()
  await act()
  await eventually(async () => (await sum()) > before, LIMIT_MS, `${what} is refused and counted`)
}

/** All that lies in the hub store, bodies and headers, as one text. */
async function hubStore(): Promise<string> {
  const streams = await Promise.all([rig.stored('up'), rig.stored('deadLetters')])
  return streams
    .flat()
    .map((message) =>
      [
        message.text,
        ...['Signet-Detail', 'Signet-Subject', 'Signet-Withheld'].map((name) =>
          message.header(name),
        ),
      ].join(' '),
    )
    .join('\n')
}

async function letterOf(reason: string, part: string) {
  return eventually(
    async () =>
      (await rig.stored('deadLetters')).find(
        (letter) =>
          letter.subject.endsWith(`.${reason}`) &&
          [letter.text, letter.header('Signet-Subject')].some((it) => it.includes(part)),
      ),
    LIMIT_MS,
    `a dead letter ${reason} of ${part}`,
  )
}

test.serial(
  'on the way down fields are left out for the geos that may not have them',
  async (t) => {
    t.timeout(60_000)
    const keptn = await rig.listen(HOME, 'sh.keptn.event.deployment.triggered')
    const triggered = eventOf('sh.keptn.event.deployment.triggered', {}, { secret: SECRET, x: 1 })
    await rig.publish(HOME, triggered.type, JSON.stringify(triggered))
    const received = (of: Integration) =>
      of.received().find(({ event }) => event.id === triggered.id)
    await eventually(() => received(inA) && received(inB), LIMIT_MS, 'both stamps have it')
    const has = (of: Integration) => {
      const { temporaryData: _, ...data } = (received(of)?.event.data ?? {}) as {
        temporaryData?: unknown
      }
      return data
    }
    t.deepEqual(has(inA), { project: 'shop', stage: 'dev', service: 'cart', x: 1 })
    t.deepEqual(has(inB), triggered.data)
    const copies = (await rig.stored('down')).filter(({ text }) => text.includes(triggered.id))
    t.deepEqual(
      copies
        .map((copy) => `${copy.subject.split('.')[6]} ${copy.header('Signet-Redacted')}`)
        .toSorted((one, other) => one.localeCompare(other)),
      ['a data.secret', 'b '],
    )
    t.is(keptn.withId(triggered.id).length, 1)
  },
)

test.serial(
  'a stamp whose geo may not have a task is not asked, fails it, and says why',
  async (t) => {
    t.timeout(90_000)
    await refused('down event', async () => {
      const { context, view } = await deliver(rig, {}, 60_000)
      t.is(view.outcome?.result, 'fail')
      const { stamps } = sectionOf(rig, context, 'test')
      t.like(stamps['a'], { result: 'fail', message: 'the event may not go to its geo' })
      t.like(stamps['b'], { result: 'pass' })
      const took = inA.received().filter(({ event }) => event.shkeptncontext === context)
      t.deepEqual(
        took.map(({ event }) => event.type),
        ['sh.keptn.event.deployment.triggered'],
      )
    })
    const letter = await letterOf('residency', 'event.test.triggered')
    t.is(letter.header('Signet-For'), 'a')
    t.true(letter.text.length > 0, 'it is kept at home, which it has not left')
  },
)

test.serial('what stamps answer comes edited, into the aggregate too', async (t) => {
  t.timeout(90_000)
  const { context } = await deliver(rig, {}, 60_000)
  const data = JSON.stringify(finishedOf(rig, context, 'deployment'))
  t.regex(data, /"kept":"yes"/)
  t.regex(data, /"owner":"sha256:[0-9a-f]{64}"/)
  t.notRegex(data, new RegExp(SECRET))
  const told = rig.keptn.events(context).map(({ event }) => JSON.stringify(event))
  t.notRegex(told.join(), /carol|only-for/, 'nor does anything else that Keptn has')
  t.notRegex(await hubStore(), /carol/)
})

test.serial('a notice goes only to the geos that may have it', async (t) => {
  t.timeout(60_000)
  const notice = eventOf(NOTICE)
  const [toA, toB] = [await rig.listen('a', NOTICE), await rig.listen('b', NOTICE)]
  await refused('down event', () => rig.publish(HOME, NOTICE, JSON.stringify(notice)))
  await eventually(() => toB.withId(notice.id).length > 0, LIMIT_MS, 'b has it')
  t.is(toA.withId(notice.id).length, 0)
})

test.serial(
  'an aggregate, and what another stamp said, go on as their own geos allow',
  async (t) => {
    t.timeout(60_000)
    // eu lets its .finished go to the hub only, whatever the hub lets go to us.
    const finished = inB.received().filter(({ event }) => event.source === 'signet')
    t.deepEqual(finished, [], 'the aggregates of the tests before, with data of eu')
    const letter = await letterOf('residency', 'event.deployment.finished')
    t.is(letter.header('Signet-For'), 'b')
    t.regex(
      letter.header('Signet-Detail'),
      /geo eu does not let event\.deployment\.finished go to us/,
    )
    const type = 'sh.keptn.event.relayed.changed'
    const relayed = eventOf(type)
    await rig.publish('a', type, JSON.stringify(relayed))
    await letterOf('residency', type)
    t.notRegex((await rig.stored('down')).map(({ text }) => text).join(), new RegExp(relayed.id))
  },
)

test.serial(
  'what may not leave its stamp is set aside without its body, which stays there',
  async (t) => {
    t.timeout(60_000)
    const event = eventOf(LOCAL_ONLY, { triggeredid: randomUUID() }, { secret: SECRET })
    const home = await rig.listen(HOME)
    await refused('up event', () => rig.publish('a', LOCAL_ONLY, JSON.stringify(event)))
    const letter = await letterOf('residency', LOCAL_ONLY)
    t.is(letter.text, '')
    t.regex(
      letter.header('Signet-Withheld'),
      /geo eu does not let event\.audit\.finished go to hub/,
    )
    const kept = await rig.storedIn('a', LOCAL_STREAM)
    const sequence = Number(letter.header('Signet-Sequence'))
    t.is(kept.find((message) => message.sequence === sequence)?.text, JSON.stringify(event))
    t.notRegex(await hubStore(), new RegExp(`${SECRET}|${event.id}`))
    t.is(home.withId(event.id).length, 0)
  },
)

test.serial('a dead letter tells no more than the event might have', async (t) => {
  t.timeout(60_000)
  await refused('up dead-letter', () =>
    rig.publish('a', LOCAL_ONLY, `{"secret":"${SECRET}-broken"`),
  )
  const withheld = await letterOf('not-json', LOCAL_ONLY)
  t.deepEqual([withheld.text, withheld.header('Signet-Detail')], ['', 'withheld'])
  const type = 'sh.keptn.event.deployment.finished'
  const broken = { ...eventOf(type, {}, { secret: SECRET, kept: 'x' }), time: 'today' }
  await rig.publish('a', type, JSON.stringify(broken))
  const edited = await letterOf('bad-time', type)
  t.regex(edited.text, /"kept":"x"/)
  t.is(edited.header('Signet-Redacted'), 'data.secret')
  t.notRegex(await hubStore(), new RegExp(SECRET))
  t.true(a.logged.some((line) => line.includes('bad-time')))
  t.notRegex(a.logged.join(), new RegExp(SECRET), 'nor do our own logs')
})

const ask = (url: string, method: string, service: string, target: string, body?: object) =>
  rawCall(url, {
    method,
    host: `${service}:8080`,
    target,
    headers: ['content-type', 'application/json'],
    ...(body && { body: Buffer.from(JSON.stringify(body)) }),
  })

test.serial('logs of integrations go by the rules for logs', async (t) => {
  t.timeout(60_000)
  const send = (url: string, integration: Integration) =>
    eventually(async () => {
      const log = { integrationid: integration.id, message: 'boom', task: SECRET }
      const answer = await ask(url, 'POST', 'shipyard-controller', '/v1/log', { logs: [log] })
      return answer.status === 200
    }, LIMIT_MS)
  await send(a.servicesUrl, inA)
  await send(b.servicesUrl, inB)
  const answer = await fetch(`${rig.keptn.url}/v1/log`)
  const { logs } = (await answer.json()) as { logs: readonly { readonly task?: string }[] }
  t.deepEqual(
    logs.map(({ task }) => task),
    [SECRET, undefined],
    'that of us is whole',
  )
})

test.serial(
  'requests and answers of the tunnel are refused with the reason, and not made',
  async (t) => {
    t.timeout(60_000)
    const resource = '/v1/project/shop/resource'
    const put = () =>
      ask(a.servicesUrl, 'PUT', 'resource-service', resource, { resources: [SECRET] })
    const events = (url: string) => ask(url, 'GET', 'mongodb-datastore', '/event')
    t.is((await ask(a.servicesUrl, 'GET', 'resource-service', resource)).status, 200)
    const before = service.seen.length
    await refused('up call', async () => {
      const answer = await put()
      t.is(answer.status, 403)
      t.like(JSON.parse(String(answer.body)), {
        reason: 'residency',
      })
    })
    await refused('down answer', async () => {
      const answer = await events(a.servicesUrl)
      t.is(answer.status, 403)
      t.regex(String(answer.body), /geo hub does not let api\.mongodb-datastore\.get go to eu/)
    })
    t.is(service.seen.length, before)
    t.is((await events(b.servicesUrl)).status, 200)
  },
)
