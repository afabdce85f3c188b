import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, startRig } from '../support/federation.ts'
import { trigger } from '../support/fan-in.ts'

test('a task that home takes up first, and that stamps were only assumed to want, is left to home', async (t) => {
  t.timeout(60_000)
  await using rig = await startRig({ tasks: { evaluation: { startTimeout: '5s' } } })
  await rig.startKeptn(['evaluation'])
  await rig.startAgentsInside()
  await rig.startIntegration('core', { name: 'lighthouse-service' }, 'evaluation')
  const { context } = await trigger(rig)
  const ended = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 20_000 })
  t.is(ended.outcome?.result, 'pass')
  // Longer than the start timeout: whatever the hub would say has been said by then.
  await sleep(6_000)
  const sources = rig.keptn
    .events(context)
    .filter(({ event }) => /evaluation\.(?:started|finished)$/.test(event.type ?? ''))
    .map(({ event }) => event.source)
  t.deepEqual(sources, ['lighthouse-service', 'lighthouse-service'])
})

test('after an abort nothing more is said, and what was not handed over is taken back', async (t) => {
  t.timeout(60_000)
  await using rig = await startRig()
  await rig.startKeptn()
  await rig.startAgentsInside('b')
  const integration = await rig.startIntegration('a', { delayMs: 2_000 })
  const late = await rig.startIntegration('b')
  const { context } = await trigger(rig)
  await eventually(() => integration.received().length > 0, 10_000, 'stamp a works')
  await eventually(
    () => rig.keptn.events(context).some(({ event }) => event.type?.endsWith('deployment.started')),
    10_000,
    'Keptn knows that it has begun',
  )
  rig.keptn.control({ project: 'shop', context }, 'abort')
  await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 10_000 })
  await eventually(async () => {
    const stored = await rig.stored('down')
    return !stored.some(({ subject }) => subject.endsWith('b.event.deployment.triggered'))
  }, 10_000)
  await rig.startAgentInside('b')
  await eventually(() => integration.sent().length >= 2, 10_000, 'stamp a has answered in vain')
  await sleep(1_000)
  t.is(late.received().length, 0, 'the copy for the stamp that was away is gone')
  const finished = rig.keptn
    .events(context)
    .filter(({ event }) => event.type === 'sh.keptn.event.deployment.finished')
  t.deepEqual(finished, [])
})
