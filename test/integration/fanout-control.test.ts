import test from 'ava'
import { fanOut, targets } from '../unit/fanin-builders.ts'
import { eventually } from '../support/eventually.ts'
import type { OpenFanOuts } from '../support/open-fanouts.ts'
import { answer, openFanOuts } from '../support/open-fanouts.ts'

const typesOf = async (open: OpenFanOuts) =>
  (await open.told()).map(({ subject }) => subject.replace('signet.in.event.', ''))

test('a fan-out that is aborted by hand ends as failed, and says who did it', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(fanOut({ openedAt: Date.now(), targets: targets(3) }))
  hub.sent('T1', new Map([1, 2, 3].map((index) => [`eu-${index}`, index])))
  await hub.answer('T1', 'eu-1', answer('started', 'eu-1'))
  await hub.answer('T1', 'eu-1', answer('finished', 'eu-1'))
  await hub.answer('T1', 'eu-2', answer('started', 'eu-2'))

  t.is(await hub.abort('T1', 'anna'), 'done')
  await eventually('it has ended', () => hub.find('T1') === undefined)

  const told = await open.told()
  t.deepEqual(await typesOf(open), ['deployment.started', 'deployment.finished'])
  const { data } = JSON.parse(Buffer.from(told[1]?.body ?? []).toString()) as {
    data: { result: string; status: string; message: string; signet: object }
  }
  t.like(data, {
    result: 'fail',
    status: 'aborted',
    message:
      'deployment: aborted by anna; 1 of 3 stamps passed; eu-2 failed: aborted by hand; eu-3 failed: aborted by hand',
  })
  t.deepEqual(open.takenBack, [3], 'what nobody had begun is taken back')
  t.is(await hub.answer('T1', 'eu-2', answer('finished', 'eu-2')), 'late')
  t.is(await hub.abort('T1', 'anna'), 'ended')
  t.is(await hub.pause('T1', 'anna'), 'ended')
  t.is(await hub.abort('T2', 'anna'), 'unknown')
})

test('what has no waves cannot be held back', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(fanOut({ openedAt: Date.now() }))
  t.is(await hub.pause('T1', 'anna'), 'unchanged')
  t.is(await hub.resume('T1', 'anna'), 'unchanged')
  t.is(hub.find('T1')?.head.paused, undefined)
})

const wave = (ring: string) => ({ ring, soakMs: 0, groups: [{ geo: 'eu', concurrency: 4 }] })

test('a pause by hand is recorded with who and when, and outlives the hub', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  const openedAt = Date.now()
  await hub.begin(fanOut({ openedAt, waves: [wave('canary')] }))
  t.is(await hub.pause('T1', 'anna'), 'done')
  t.is(await hub.pause('T1', 'bert'), 'unchanged')

  const next = await open.hub()
  const found = next.find('T1')
  t.is(found?.records.size, 0)
  t.like(found?.head.paused?.hand, { by: 'anna' })
  t.true((found?.head.paused?.hand?.at ?? 0) >= openedAt)
  t.is(await next.resume('T1', 'bert'), 'done')
  t.is(await next.resume('T1', 'bert'), 'unchanged')
  t.is(next.find('T1')?.head.paused, undefined)
  // The first one finds out when it writes, and comes to the same.
  t.is(await hub.resume('T1', 'carl'), 'unchanged')
  t.is(await next.abort('T1', 'anna'), 'done')
})
