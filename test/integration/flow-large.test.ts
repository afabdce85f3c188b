import test from 'ava'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'

test.serial('large events do not slow down, whatever comes between them', async (t) => {
  await using rig = await startRig()
  await rig.startKeptn()
  await rig.startAgentsInside()
  const stamp = await rig.listen('a')
  const home = await rig.listen(HOME)
  const begun = Date.now()
  for (let round = 0; round < 12; round += 1) {
    const blob = 'x'.repeat(900_000 - round)
    for (const data of [...Array.from({ length: 30 }, () => ({})), { blob }]) {
      await rig.publish(HOME, NOTICE, JSON.stringify(eventOf(NOTICE, {}, data)))
      await rig.publish('b', NOTICE, JSON.stringify(eventOf(NOTICE, {}, data)))
    }
  }
  const published = Date.now()
  const large = () =>
    [stamp, home].map(({ heard }) => heard.filter(({ body }) => body.length > 800_000).length)
  await eventually(() => large()[0] === 12 && large()[1] === 24, 30_000, 'all large events')
  // With one pull a second for each of them it took longer than this by far.
  const seconds = (Date.now() - published) / 1_000
  t.true(seconds < 8, `${seconds} s, after ${(published - begun) / 1_000} s of publishing`)
})

test.serial('events above a megabyte pass where the servers take them', async (t) => {
  await using rig = await startRig({ maxPayload: 8 * 1_048_576 })
  await rig.startKeptn()
  await rig.startAgentsInside()
  const stamp = await rig.listen('a')
  const home = await rig.listen(HOME)
  const blob = 'x'.repeat(5_000_000)
  const [down, up] = [eventOf(NOTICE, {}, { blob }), eventOf(NOTICE, {}, { blob })]
  await rig.publish(HOME, NOTICE, JSON.stringify(down))
  await rig.publish('a', NOTICE, JSON.stringify(up))
  await eventually(() => stamp.withId(down.id).length > 0, 15_000, 'the event that goes down')
  await eventually(() => home.withId(up.id).length > 0, 15_000, 'the event that goes up')
  t.pass()
})

test.serial('answers that together are too large still end their task', async (t) => {
  await using rig = await startRig()
  await rig.startKeptn()
  await rig.startAgentsInside()
  await rig.startIntegrations((stamp) => ({
    data: { deployment: { [stamp]: 'y'.repeat(515_000) } },
  }))
  const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery', service: 'cart' }
  const { context } = await rig.keptn.triggerSequence({
    ...trigger,
    context: `context-${'c'.repeat(20_000)}`,
  })
  const limits = { timeoutMs: 20_000 }
  const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', limits)
  t.is(view.outcome?.result, 'pass')
})
