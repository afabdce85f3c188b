import test from 'ava'
import { randomUUID } from 'node:crypto'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'

let rig: Rig

test.serial.before(async () => {
  rig = await startRig()
  await rig.startKeptn()
  await rig.startAgentsInside()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const big = 'Z'.repeat(900_000)
const json = (value: unknown) => JSON.stringify(value)
// An answer that answers nothing is set aside on its way up, so those have a triggeredid by default.
const odd = (type: string, over: object = {}, data: object = {}) =>
  eventOf(type, { id: 'ID', triggeredid: randomUUID(), ...over }, { ...data })

/** Bodies by what is odd about them; `ID` stands for the event's id. */
const bodies: Readonly<Record<string, (type: string) => string>> = {
  'unknown attributes and unknown data': (type) =>
    json({
      ...odd(type, { gitcommitid: 'c0ffee', shkeptnspecversion: '0.2.4' }),
      unknownattribute: 'kept',
      extensions: { a: [1, { b: null }] },
      zeta: false,
      data: { ...odd(type).data, unknown: { deep: [[], {}, [null]] }, '': 1, 'a.b': 2 },
    }),
  'unicode, raw and escaped': (type) =>
    json(odd(type, {}, { message: 'Grüße 你好 🚀 \u2028\u2029\ufeff \u007f' })).replace(
      '"message":"',
      String.raw`"message":"\u00fc\ud83d\ude80\u0000\/\b`,
    ),
  'half of a surrogate pair': (type) =>
    json(odd(type)).replace('"service":"cart"', String.raw`"service":"\ud83d"`),
  'a body of 900 KB': (type) => json(odd(type, {}, { blob: big })),
  'no triggeredid, no context': (type) =>
    json(odd(type, { shkeptncontext: undefined, triggeredid: undefined })),
  'an empty and a null triggeredid': (type) =>
    json(odd(type, { triggeredid: '', gitcommitid: null })),
  'labels, one of them null': (type) =>
    json(odd(type, {}, { labels: { 'my label': 'ä"\\', none: null, '': '' } })),
  'white space and an odd order of keys': (type) => {
    const { data, id, ...rest } = odd(type)
    const text = `\r\n\t ${JSON.stringify({ data, ...rest, id }, undefined, '\t ')} \n\n`
    return text.replaceAll('\n', '\r\n')
  },
  'numbers that JavaScript cannot hold': (type) =>
    json(odd(type)).replace(
      '"service"',
      '"n":123456789012345678901234567890,"f":1.10,"e":1E+400,"z":-0.0,"service"',
    ),
  'one key twice': (type) => json(odd(type)).replace('"project"', '"extra":1,"extra":2,"project"'),
  'temporaryData of somebody else': (type) =>
    json(odd(type, {}, { temporaryData: { distributor: { subscriptionID: 's' } } })),
  'a time with an offset and nine digits': (type) =>
    json(odd(type, { time: '2024-02-29T23:59:59.123456789+05:30' })),
}

const types = [
  'sh.keptn.event.deployment.triggered',
  'sh.keptn.event.deployment.finished',
  'sh.keptn.event.dev.delivery.triggered',
  NOTICE,
  'sh.keptn.event.deployment.status.changed',
  'sh.keptn.event.evaluation.invalidated',
  'sh.keptn.event.service.create.finished',
  'sh.keptn.log.error',
  'sh.keptn.events.problem',
]

/** Every body once, the types by turns; and every type at least once. */
const cases = Object.entries(bodies).map(([name, body], index) => {
  const id = randomUUID()
  const type = types[index % types.length] as string
  return { name, id, type, text: body(type).replace('"ID"', `"${id}"`) }
})

function sameBytes(actual: Uint8Array | undefined, text: string): boolean {
  return actual !== undefined && Buffer.compare(actual, Buffer.from(text)) === 0
}

test.serial('what the control plane says reaches every stamp byte for byte', async (t) => {
  const listeners = await Promise.all(rig.stamps.map((stamp) => rig.listen(stamp)))
  for (const { type, text } of cases) await rig.publish(HOME, type, text)
  for (const listener of listeners) {
    for (const { name, id, type, text } of cases) {
      const [first] = await eventually(
        () => listener.withId(id).length > 0 && listener.withId(id),
        10_000,
        name,
      )
      t.is(first?.subject, type, name)
      t.true(sameBytes(first?.body, text), name)
    }
    for (const { id, name } of cases) t.is(listener.withId(id).length, 1, name)
  }
})

test.serial('what a stamp says reaches the control plane byte for byte', async (t) => {
  const home = await rig.listen(HOME)
  const fresh = cases.map(({ name, type, id, text }) => {
    const other = randomUUID()
    return { name, type, id: other, text: text.replace(id, other) }
  })
  for (const { type, text } of fresh) await rig.publish('a', type, text)
  for (const { name, id, type, text } of fresh) {
    const [first, ...more] = await eventually(
      () => home.withId(id).length > 0 && home.withId(id),
      10_000,
      name,
    )
    t.is(first?.subject, type, name)
    t.true(sameBytes(first?.body, text), name)
    t.is(more.length, 0, name)
  }
  t.is(rig.keptn.crash, undefined)
  t.deepEqual(await rig.deadLetters(), [])
})

test.serial('an event that came down is not sent back up', async (t) => {
  const stamps = await Promise.all(rig.stamps.map((stamp) => rig.listen(stamp)))
  const before = (await rig.stored('up')).length
  const events = Array.from({ length: 20 }, () => eventOf(NOTICE))
  for (const event of events) await rig.publish(HOME, NOTICE, json(event))
  await eventually(() => stamps.every(({ heard }) => heard.length >= events.length))
  // What follows on the same way shows that everything before it has been looked at.
  for (const stamp of rig.stamps) await rig.publish(stamp, NOTICE, json(eventOf(NOTICE)))
  await eventually(async () => (await rig.stored('up')).length >= before + rig.stamps.length)
  t.is((await rig.stored('up')).length, before + rig.stamps.length)
})

test.serial('an event published five times at home reaches each stamp once', async (t) => {
  const stamps = await Promise.all(rig.stamps.map((stamp) => rig.listen(stamp)))
  const [event, last] = [eventOf(NOTICE), eventOf(NOTICE)]
  for (let copy = 0; copy < 5; copy += 1) await rig.publish(HOME, NOTICE, json(event))
  await rig.publish(HOME, NOTICE, json({ ...last, shkeptncontext: event.shkeptncontext }))
  for (const stamp of stamps) {
    await eventually(() => stamp.withId(last.id).length > 0)
    t.is(stamp.withId(event.id).length, 1)
  }
})

test.serial(
  'an event published five times in a stamp reaches the control plane once',
  async (t) => {
    const [event, last] = [eventOf(NOTICE), eventOf(NOTICE)]
    for (let copy = 0; copy < 5; copy += 1) await rig.publish('b', NOTICE, json(event))
    await rig.publish('b', NOTICE, json({ ...last, shkeptncontext: event.shkeptncontext }))
    await eventually(() => rig.keptn.stored({ eventId: last.id }).length > 0)
    t.is(rig.keptn.stored({ eventId: event.id }).length, 1)
  },
)
