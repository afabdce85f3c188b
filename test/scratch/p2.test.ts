import test from 'ava'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
for (const size of [900_000, 700_000, 300_000])
test.serial('big ' + size, async (t) => {
  await using rig = await startRig({})
  await rig.startKeptn()
  await rig.startAgentsInside()
  const a = await rig.listen('a')
  const b = await rig.listen('b')
  const start = Date.now()
  for (let i = 0; i < 40; i++) { const e = eventOf(NOTICE, {}, { blob: 'x'.repeat(size - (i % 3) * 10000) })
  await rig.publish(HOME, NOTICE, JSON.stringify(e)) }
  t.log('published', Date.now() - start)
  await eventually(() => a.heard.length >= 40 && b.heard.length >= 40, 30000, 'down').catch((x) => t.log(String(x), a.heard.length))
  t.log(Date.now() - start)
  t.pass()
})
