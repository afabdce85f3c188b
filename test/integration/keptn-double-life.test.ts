import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import test from 'ava'
import { randomUUID } from 'node:crypto'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { rig, twoStages } from '../support/keptn-by-hand.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer } from '../support/nats-server.ts'

test('a message without a source kills shipyard-controller, again after every restart', async (t) => {
  const { keptn, nc, byHand } = await rig(t, { ackWaitMs: 300 })
  const poison = {
    id: randomUUID(),
    type: 'sh.keptn.event.deployment.started',
    specversion: '1.0',
    data: { project: 'shop', stage: 'dev', service: 's' },
  }
  nc.publish(poison.type, JSON.stringify(poison))
  const crash = await keptn.crashed
  t.is(crash.component, 'shipyard-controller')
  const response = await fetch(`${keptn.url}/v1/sequence/shop`)
  t.is(response.status, 502)
  const run = await byHand()
  await eventually('the datastore lives on', () => keptn.events(run.context).length === 1)
  t.is(run.latest(), undefined)
  await keptn.restart()
  t.is((await keptn.crashed).reason, crash.reason)
})

test('a message without a type kills the datastore and nothing else', async (t) => {
  const { keptn, nc, byHand } = await rig(t)
  nc.publish('sh.keptn.event.x.started', JSON.stringify({ id: '1', source: 's', data: {} }))
  t.is((await keptn.crashed).component, 'mongodb-datastore')
  const run = await byHand()
  await run.task('deployment')
  t.is(keptn.events(run.context).length, 0)
})

test('undecodable messages are dropped and acknowledged', async (t) => {
  const { keptn, nc, server, byHand } = await rig(t)
  nc.publish('sh.keptn.event.x.started', 'not json')
  nc.publish('sh.keptn.event.x.started', JSON.stringify({ type: 't', time: 'yesterday' }))
  const run = await byHand()
  await run.task('deployment')
  const watcher = await connect({ servers: server.url })
  const jsm = await jetstreamManager(watcher)
  const info = await eventually('all is acknowledged', async () => {
    const found = await jsm.consumers.info('keptn', 'shipyard-controller:all-events')
    return found.num_ack_pending === 0 && found.num_pending === 0 && found
  })
  t.is(info.config.ack_wait, 30_000_000_000)
  const { config } = await jsm.streams.info('keptn')
  t.like(config, { retention: 'limits', storage: 'file', duplicate_window: 120_000_000_000 })
  t.deepEqual(config.subjects, ['sh.keptn.>'])
  await watcher.close()
  t.is(keptn.crash, undefined)
})

test('a stream that overlaps keeps Keptn from starting', async (t) => {
  await using server = await natsServer({ jetstream: true })
  const nc = await connect({ servers: server.url })
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({ name: 'OTHER', subjects: ['sh.keptn.event.>'] })
  const error = await t.throwsAsync(startKeptnDouble({ natsUrl: server.url, shipyard: twoStages }))
  t.like(error, { code: 'SIGNET_STREAM_CONFLICT', details: { code: 10065 } })
  await nc.close()
})

test('a pause holds back the next task, shows it to pollers, and a resume sends it', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  keptn.control({ project: 'shop', context: run.context }, 'pause')
  await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'finished', task)
  const next = await run.task('test')
  const type = 'sh.keptn.event.test.triggered'
  const polled = await fetch(`${keptn.url}/v1/event/triggered/${type}?project=shop`)
  t.like(await polled.json(), { events: [{ id: next }], totalCount: 1 })
  t.deepEqual(keptn.stored({ type }), [])
  keptn.control({ project: 'shop', context: run.context }, 'resume')
  const [sent] = await eventually('it is sent', () => {
    const stored = keptn.stored({ type })
    return stored.length > 0 && stored
  })
  t.is(sent?.event.id, next)
  t.false(sent?.payload.includes('datacontenttype'))
})

test('a second sequence of a service waits for the first one, another service does not', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery' }
  const second = await keptn.triggerSequence({ ...trigger, service: run.service })
  const third = await keptn.triggerSequence({ ...trigger, service: 'free' })
  await eventually(
    'the third one runs',
    () => keptn.sequence(third.context)[0]?.state === 'started',
  )
  t.is(keptn.sequence(second.context)[0]?.state, 'triggered')
  await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'finished', task, { data: { result: 'fail' } })
  await eventually('the second one runs', () => {
    return keptn.sequence(second.context)[0]?.state === 'started'
  })
  t.pass()
})

test('a task that nobody answers ends its sequence; a status change counts as an answer', async (t) => {
  const { keptn, byHand } = await rig(t, { taskStartedWaitMs: 1000 })
  const answered = await byHand()
  const task = await answered.task('deployment')
  answered.publish({
    id: randomUUID(),
    source: 'A',
    type: 'sh.keptn.event.deployment.status.changed',
    triggeredid: task,
    data: { project: 'shop', stage: 'dev', service: answered.service },
  })
  const silent = await byHand()
  const ended = await keptn.waitForSequence(silent.context, 'dev', 'delivery', { timeoutMs: 5000 })
  t.is(ended.state, 'timedOut')
  t.like(ended.outcome, { status: 'errored', result: 'fail' })
  t.regex(ended.outcome?.message ?? '', /^sequence timed out while waiting for task sh\.keptn/)
  t.is(answered.latest()?.state, 'started')
})

test('an abort finishes the sequences of the context that are over once more', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('prod runs', () => run.latest()?.stage === 'prod')
  await run.task('deployment')
  keptn.control({ project: 'shop', context: run.context }, 'abort')
  await eventually('both are finished', () => {
    return keptn.stored({ type: 'sh.keptn.event.dev.delivery.finished' }).length === 2
  })
  t.is(keptn.stored({ type: 'sh.keptn.event.prod.delivery.finished' }).length, 1)
})

test('the state survives a restart, and what was published meanwhile is worked on', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  const { url } = keptn
  await keptn.stop()
  const data = { project: 'shop', stage: 'dev', service: run.service }
  const answer = { source: 'A', triggeredid: task }
  run.publish({ ...answer, id: '1', type: 'sh.keptn.event.deployment.started', data })
  run.publish({
    ...answer,
    id: '2',
    type: 'sh.keptn.event.deployment.finished',
    data: { ...data, result: 'pass', status: 'succeeded' },
  })
  await keptn.restart()
  await run.task('test')
  t.is(keptn.url, url)
})

test('a delayed task is hidden from pollers and sent when it is due', async (t) => {
  const tasks = [{ name: 'deployment', triggeredAfter: '4s' }]
  const { keptn, byHand } = await rig(t, {
    shipyard: { spec: { stages: [{ name: 'dev', sequences: [{ name: 'delivery', tasks }] }] } },
  })
  const run = await byHand()
  await run.task('deployment')
  const type = 'sh.keptn.event.deployment.triggered'
  const polled = await fetch(`${keptn.url}/v1/event/triggered/${type}`)
  t.deepEqual(await polled.json(), { events: [], nextPageKey: '0' })
  await eventually('it is sent', () => keptn.stored({ type }).length === 1)
})
