import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { Malformed } from '../../src/domain/event.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'

let rig: Rig

test.serial.before(async () => {
  rig = await startRig()
  await rig.startKeptn()
  await rig.startAgentsInside()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const json = (value: unknown) => JSON.stringify(value)
const without = (key: string) => json({ ...eventOf(NOTICE), [key]: undefined })
const withData = (data: Readonly<Record<string, unknown>>) => json(eventOf(NOTICE, {}, data))

/** One body, or several, for every reason to refuse an event. */
const poison: Readonly<Record<Malformed, readonly (() => string)[]>> = {
  'not-json': [() => `{"id":"${randomUUID()}`, () => `\u0000${randomUUID()}`],
  'not-an-object': [() => json([randomUUID()]), () => json(randomUUID())],
  'ambiguous-key': [
    () => json({ ...eventOf(NOTICE), Source: null }),
    () => withData({ Labels: {} }),
    () => json({ ...eventOf(NOTICE), ſource: null }),
  ],
  'no-type': [() => without('type'), () => json(eventOf(NOTICE, { type: null }))],
  'bad-type': [() => json(eventOf('sh.keptn.event..finished')), () => json(eventOf('sh.keptn.>'))],
  'type-is-not-subject': [() => json(eventOf('sh.keptn.event.test.finished'))],
  'no-source': [() => without('source'), () => json(eventOf(NOTICE, { source: '' }))],
  'no-id': [() => without('id'), () => json(eventOf(NOTICE, { id: 7 }))],
  'no-specversion': [() => without('specversion')],
  'bad-time': [() => json(eventOf(NOTICE, { time: 'today' })), () => without('time')],
  'bad-attribute': [() => json(eventOf(NOTICE, { shkeptncontext: { a: 1 } }))],
  'no-data': [() => without('data'), () => json(eventOf(NOTICE, { data: [] }))],
  'bad-data-field': [() => withData({ stage: 1 }), () => withData({ message: {} })],
  'bad-labels': [() => withData({ labels: { a: 1 } }), () => withData({ labels: 'x' })],
  'bad-temporary-data': [() => withData({ temporaryData: null })],
}

const all = Object.entries(poison).flatMap(([reason, bodies]) =>
  bodies.map((body) => ({ reason, text: body() })),
)

async function setAside(direction: 'down' | 'up', stamp: string): Promise<readonly string[]> {
  const letters = await rig.deadLetters()
  return letters.filter(({ from }) => from === `${direction}/${stamp}`).map(({ reason }) => reason)
}

/** Publishes all poison at `from`, each body twice, then one good event, and waits for that. */
async function poisonFrom(from: string, to: string) {
  const listener = await rig.listen(to)
  for (const { text } of all) {
    await rig.publish(from, NOTICE, text)
    await rig.publish(from, NOTICE, text)
  }
  const good = eventOf(NOTICE)
  await rig.publish(from, NOTICE, json(good))
  await eventually(() => listener.withId(good.id).length > 0, 10_000, 'the good event')
  return { heard: listener.heard.map(({ text }) => text), good: json(good) }
}

test.serial('poison from a stamp is set aside once, and the flow goes on', async (t) => {
  const { heard, good } = await poisonFrom('a', HOME)
  t.deepEqual(heard, [good])
  const expected = all.map(({ reason }) => reason)
  await eventually(async () => (await setAside('up', 'a')).length >= expected.length)
  t.deepEqual([...(await setAside('up', 'a'))].sort(), [...expected].sort())
  t.is(rig.keptn.crash, undefined)
})

test.serial('poison at home reaches no stamp, and is set aside once', async (t) => {
  // Keptn itself does not survive it, which is Keptn's affair.
  await rig.keptn.stop()
  const { heard, good } = await poisonFrom(HOME, 'b')
  t.deepEqual(heard, [good])
  const expected = all.map(({ reason }) => reason)
  await eventually(async () => (await setAside('down', HOME)).length >= expected.length)
  t.deepEqual([...(await setAside('down', HOME))].sort(), [...expected].sort())
})

test.serial('what somebody puts into the hub store past the hub is checked again', async (t) => {
  const stamp = await rig.listen('b')
  const home = await rig.listen(HOME)
  const nc = await rig.connection(rig.supercluster.store)
  const text = without('source')
  await nc.request('signet.demo.down.main.us.canary.b.event.dev.delivery.finished', text)
  await nc.request('signet.demo.up.main.us.canary.b.event.dev.delivery.finished', text)
  await nc.request(
    'signet.demo.up.main.eu.canary.b.event.dev.delivery.finished',
    json(eventOf(NOTICE)),
  )
  await nc.request(
    'signet.demo.up.main.us.canary.nobody.event.dev.delivery.finished',
    json(eventOf(NOTICE)),
  )
  await nc.request('signet.demo.up.main.us.canary', 'no tail')
  const reasons = async () => [...(await setAside('up', HOME))].sort()
  await eventually(async () => (await reasons()).length >= 4)
  t.deepEqual(
    await reasons(),
    ['bad-subject', 'no-source', 'unknown-stamp', 'unknown-stamp'].sort(),
  )
  await eventually(async () => (await setAside('down', 'b')).length > 0)
  t.deepEqual(await setAside('down', 'b'), ['no-source'])
  t.is(stamp.heard.length + home.heard.length, 0)
})

test.serial(
  'the same id with another body is set aside at home, and the first counts',
  async (t) => {
    const stamp = await rig.listen('a')
    const first = eventOf(NOTICE, {}, { message: 'first' })
    const second = { ...first, data: { ...first.data, message: 'second' } }
    await rig.publish(HOME, NOTICE, json(first))
    await rig.publish(HOME, NOTICE, json(second))
    await eventually(async () => (await setAside('down', HOME)).includes('id-conflict'))
    await eventually(() => stamp.withId(first.id).length > 0)
    t.deepEqual(
      stamp.withId(first.id).map(({ text }) => text),
      [json(first)],
    )
  },
)

test.serial(
  'the same id with another body is set aside in a stamp, and the first counts',
  async (t) => {
    const home = await rig.listen(HOME)
    const first = eventOf(NOTICE, {}, { message: 'first' })
    const second = { ...first, data: { ...first.data, message: 'second' } }
    await rig.publish('a', NOTICE, json(first))
    await rig.publish('a', NOTICE, json(second))
    const conflicts = async () =>
      (await setAside('up', HOME)).filter((reason) => reason === 'id-conflict').length
    await eventually(async () => (await conflicts()) > 0)
    t.is(await conflicts(), 1)
    t.deepEqual(
      home.withId(first.id).map(({ text }) => text),
      [json(first)],
    )
  },
)

test.serial('an event that no longer fits is set aside, and the flow goes on', async (t) => {
  const stamp = await rig.listen('a')
  const empty = Buffer.byteLength(json(eventOf(NOTICE, {}, { blob: '' })))
  // It fits as it is, and not with our headers.
  await rig.publish(HOME, NOTICE, withData({ blob: 'x'.repeat(1_048_576 - 50 - empty) }))
  await rig.publish('a', NOTICE, withData({ blob: 'y'.repeat(1_048_576 - 50 - empty) }))
  await eventually(async () => (await setAside('down', HOME)).includes('oversize'))
  await eventually(async () => (await setAside('up', 'a')).includes('oversize'))
  const good = eventOf(NOTICE)
  await rig.publish(HOME, NOTICE, json(good))
  await eventually(() => stamp.withId(good.id).length > 0)
  t.pass()
})
