import test from 'ava'
import type { FanOut } from '../../src/domain/fanout.ts'
import type { Wave } from '../../src/domain/wave-plan.ts'
import { fanOut, target, targets } from '../unit/fanin-builders.ts'
import type { FanOuts } from '../../src/hub/fanouts.ts'
import { eventually } from '../support/eventually.ts'
import type { OpenFanOuts } from '../support/open-fanouts.ts'
import { answer, BODY, openFanOuts } from '../support/open-fanouts.ts'

const typesOf = async (open: OpenFanOuts) =>
  (await open.told()).map(({ subject }) => subject.replace('signet.in.event.', ''))

test('a fan-out that is aborted by hand ends as failed, and says who did it', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(fanOut({ openedAt: Date.now(), targets: targets(3) }), BODY)
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
  await hub.begin(fanOut({ openedAt: Date.now() }), BODY)
  t.is(await hub.pause('T1', 'anna'), 'unchanged')
  t.is(await hub.resume('T1', 'anna'), 'unchanged')
  t.is(hub.find('T1')?.head.paused, undefined)
})

const wave = (ring: string, concurrency = 4): Wave => ({
  ring,
  soakMs: 0,
  groups: [{ geo: 'eu', concurrency }],
})
const inWaves = (more: Partial<FanOut> = {}) =>
  fanOut({ openedAt: Date.now(), waves: [wave('canary')], ...more })

test('a pause by hand is recorded with who and when, and outlives the hub', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  const openedAt = Date.now()
  await hub.begin(inWaves(), BODY)
  t.is(await hub.pause('T1', 'anna'), 'done')
  t.is(await hub.pause('T1', 'bert'), 'unchanged')

  const next = await open.hub()
  const found = next.find('T1')
  t.like(found?.head.paused?.hand, { by: 'anna' })
  t.true((found?.head.paused?.hand?.at ?? 0) >= openedAt)
  t.is(await next.resume('T1', 'bert'), 'done')
  t.is(await next.resume('T1', 'bert'), 'unchanged')
  t.is(next.find('T1')?.head.paused, undefined)
  // The first one finds out when it writes, and comes to the same.
  t.is(await hub.resume('T1', 'carl'), 'unchanged')
  t.is(await next.abort('T1', 'anna'), 'done')
})

async function answers(hub: FanOuts, stamp: string): Promise<void> {
  await hub.answer('T1', stamp, answer('started', stamp))
  await hub.answer('T1', stamp, answer('finished', stamp))
}

test('paused by hand nobody begins any more, until it goes on', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(inWaves({ waves: [wave('canary', 1)] }), BODY)
  await eventually('the first begins', async () => (await open.copies()).length === 1)
  await hub.pause('T1', 'anna')
  await answers(hub, 'eu-1')
  // A hub that comes after this one holds it back as well.
  const next = await open.hub()
  await eventually('it is told', async () =>
    (await open.told()).some(({ text }) => text.includes('1/4 done, 3 waiting, paused by anna')),
  )
  t.deepEqual(await open.copies(), ['eu-1'])
  await next.resume('T1', 'anna')
  await eventually('the second begins', async () => (await open.copies()).length === 2)
  t.deepEqual(await open.copies(), ['eu-1', 'eu-2'])
})

test('an abort by hand keeps waves from beginning, and takes copies back', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  const all = [...targets(2), target('eu-9', { ring: 'early' })]
  await hub.begin(inWaves({ targets: all, waves: [wave('canary'), wave('early')] }), BODY)
  await eventually('both begin', () => hub.find('T1')?.records.get('eu-2')?.copy !== undefined)
  await hub.answer('T1', 'eu-1', answer('started', 'eu-1'))
  const copy = hub.find('T1')?.records.get('eu-2')?.copy
  t.is(await hub.abort('T1', 'anna'), 'done')
  await eventually('it has ended', () => hub.find('T1') === undefined)
  t.deepEqual(open.takenBack, [copy])
  t.deepEqual((await open.copies()).includes('eu-9'), false)
  t.is(await hub.answer('T1', 'eu-1', answer('finished', 'eu-1')), 'late')
  const finished = (await open.told()).at(-1)?.text ?? ''
  t.true(finished.includes('aborted by anna; 0 of 3 stamps passed; 1 never begun'), finished)
})

test('who is drained when its turn comes is skipped, and said to be', async (t) => {
  const open = await openFanOuts(t)
  open.drained.add('eu-2')
  const hub = await open.hub()
  await hub.begin(inWaves({ targets: targets(3) }), BODY)
  await eventually('two begin', async () => (await open.copies()).length === 2)
  await answers(hub, 'eu-1')
  await answers(hub, 'eu-3')
  await eventually('it has ended', () => hub.find('T1') === undefined)
  t.deepEqual(await open.copies(), ['eu-1', 'eu-3'])
  const { data } = JSON.parse((await open.told()).at(-1)?.text ?? '{}') as {
    data: { result: string; signet: { deployment: { stamps: object } } }
  }
  t.is(data.result, 'pass')
  t.like(data.signet.deployment.stamps, { 'eu-2': { result: 'skipped', message: 'drained' } })
})

test('a hub that ended between a record and its copy costs a second copy at most', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(inWaves(), BODY)
  await eventually('all are noted', () => {
    const records = [...(hub.find('T1')?.records.values() ?? [])]
    return records.length === 4 && records.every(({ copy }) => copy !== undefined)
  })
  const copy = hub.find('T1')?.records.get('eu-3')?.copy
  await hub.stop()
  await open.loseCopy('T1', 'eu-3')
  const next = await open.hub()
  await eventually(
    'it is noted again',
    () => next.find('T1')?.records.get('eu-3')?.copy !== undefined,
  )
  t.is(next.find('T1')?.records.get('eu-3')?.copy, copy)
  t.deepEqual(await open.copies(), ['eu-1', 'eu-2', 'eu-3', 'eu-4'])
})

test('an answer of a stamp whose turn has not come is nobody’s', async (t) => {
  const open = await openFanOuts(t)
  const hub = await open.hub()
  await hub.begin(inWaves({ waves: [wave('canary', 1)] }), BODY)
  await eventually('the first begins', async () => (await open.copies()).length === 1)
  t.is(await hub.answer('T1', 'eu-2', answer('finished', 'eu-2')), 'stranger')
  // But another hub may have begun it, of which this one has not heard.
  const other = await open.hub()
  await answers(other, 'eu-1')
  await eventually('the second begins', async () => (await open.copies()).length === 2)
  t.is(await hub.answer('T1', 'eu-2', answer('started', 'eu-2')), 'recorded')
})

test('while Keptn does not say whether the sequence is paused, nobody begins', async (t) => {
  const open = await openFanOuts(t)
  open.keptn.isPaused = 'silent'
  const hub = await open.hub()
  await hub.begin(inWaves(), BODY)
  await eventually('Keptn is asked', () => open.keptn.asked > 0)
  t.deepEqual(await open.copies(), [])
  open.keptn.isPaused = false
  await eventually('all begin', async () => (await open.copies()).length === 4, 20_000)
})
