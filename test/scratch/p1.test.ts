import test from 'ava'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'

test.serial('big', async (t) => {
  await using rig = await startRig({ maxPayload: 8 * 1_048_576 })
  await rig.startKeptn()
  await rig.startAgentsInside()
  const a = await rig.listen('a')
  const home = await rig.listen(HOME)
  const e = eventOf(NOTICE, {}, { blob: 'x'.repeat(3_000_000) })
  await rig.publish(HOME, NOTICE, JSON.stringify(e))
  await eventually(() => a.withId(e.id).length > 0, 8000, 'down').catch((x) => t.log(String(x)))
  const f = eventOf(NOTICE, {}, { blob: 'x'.repeat(3_000_000) })
  await rig.publish('a', NOTICE, JSON.stringify(f))
  await eventually(() => home.withId(f.id).length > 0, 8000, 'up').catch((x) => t.log(String(x)))
  t.pass()
})

test.serial.skip('labels', async (t) => {
  await using rig = await startRig({})
  await rig.startKeptn()
  await rig.startAgentsInside()
  const label = 'l'.repeat(15_000)
  await rig.startIntegrations(() => ({ data: { deployment: { blob: 'y'.repeat(440_000) } } }))
  const { context } = await rig.keptn.triggerSequence({ project: 'shop', stage: 'dev', sequence: 'delivery', service: 'cart', data: { labels: { label } } })
  const v = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 15000 })
  t.log(v.outcome, rig.keptn.events(context).map((e) => e.event.type + ' ' + e.payload.length))
  await rig.startIntegrations
  t.pass()
})
