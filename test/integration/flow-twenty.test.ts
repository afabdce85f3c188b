import test from 'ava'
import { randomInt } from 'node:crypto'
import type { Rig } from '../support/federation.ts'
import { eventually, stampsIn, startRig } from '../support/federation.ts'
import { answersOf, deliver, sectionOf } from '../support/delivery.ts'

const STAMPS = Array.from({ length: 20 }, (_, index) => `s-${index}`)
const LATE = 's-13'

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({ stamps: stampsIn(['eu', 'us'], STAMPS) })
  await rig.startKeptn(['deployment', 'test'])
  await rig.startAgentsInside()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

test.serial('twenty stamps are one task to Keptn, however late one of them starts', async (t) => {
  t.timeout(60_000)
  // The answer of `s-13` begins only when another stamp has finished.
  let isFirstDone = () => {}
  const firstDone = new Promise<void>((resolve) => {
    isFirstDone = resolve
  })
  const nc = await rig.nats('s-4')
  nc.subscribe('sh.keptn.event.deployment.finished', { callback: () => isFirstDone() })
  await nc.flush()

  const workers = await rig.startIntegrations((stamp) => ({
    subscriptions: stamp === LATE ? [] : [{ event: 'sh.keptn.event.deployment.triggered' }],
    delayMs: () => randomInt(0, 800),
    data: { deployment: { [`uri-${stamp}`]: `http://${stamp}` } },
  }))
  const late = await rig.listen(LATE, 'sh.keptn.event.deployment.triggered')
  const testers = await rig.startIntegrations(() => ({ delayMs: () => randomInt(0, 800) }), 'test')
  const delivery = deliver(rig)

  await eventually(() => late.heard.length > 0)
  await firstDone
  const triggered = JSON.parse(late.heard[0]?.text ?? '') as { id: string; shkeptncontext: string }
  const answer = async (kind: string, data: object) => {
    const type = `sh.keptn.event.deployment.${kind}`
    await rig.publish(
      LATE,
      type,
      JSON.stringify({
        specversion: '1.0',
        id: `late-${kind}-${triggered.id}`,
        source: 'late-service',
        type,
        time: new Date().toISOString(),
        shkeptncontext: triggered.shkeptncontext,
        triggeredid: triggered.id,
        data: { project: 'shop', stage: 'dev', service: 'cart', ...data },
      }),
    )
  }
  await answer('started', {})
  await answer('finished', { result: 'pass', status: 'succeeded' })

  const { context, view } = await delivery
  t.is(view.outcome?.result, 'pass')
  for (const task of ['deployment', 'test']) {
    t.deepEqual(answersOf(rig, context, task), ['started signet', 'finished signet'], task)
    const section = sectionOf(rig, context, task)
    t.deepEqual(section.counts, {
      targets: 20,
      passed: 20,
      warned: 0,
      failed: 0,
      skipped: 0,
      notBegun: 0,
      missing: 0,
    })
    t.deepEqual(Object.keys(section.stamps).sort(), [...STAMPS].sort())
  }
  t.is(section('deployment')?.stamps[LATE]?.result, 'pass')
  t.deepEqual(rig.keptn.duplicates(), [])
  t.deepEqual(rig.keptn.dropped(), [])
  for (const [stamp, { deliveries }] of [...workers, ...testers].map(
    ([name, integration]) =>
      [name, { deliveries: [...integration.deliveries().values()] }] as const,
  )) {
    t.true(
      deliveries.every((count) => count === 1),
      stamp,
    )
  }

  function section(task: string) {
    return sectionOf(rig, context, task)
  }
})
