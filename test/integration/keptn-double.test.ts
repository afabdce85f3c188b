import test from 'ava'
import { rig } from '../support/keptn-by-hand.ts'
import { eventually } from '../support/eventually.ts'

test('both started first: the task waits for both', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task, { source: 'A' })
  await run.answer('deployment', 'started', task, { source: 'B' })
  await run.answer('deployment', 'finished', task, { source: 'A', data: { list: ['a'] } })
  t.is(await run.task('deployment'), task)
  await run.answer('deployment', 'finished', task, {
    source: 'B',
    data: { result: 'warning', list: ['b'] },
  })
  await run.task('test')
  t.like(run.latest()?.tasks[0], { result: 'warning', started: 2, finished: 2 })
})

test('one is done before the other starts: the task ends without the other', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task, { source: 'A' })
  await run.answer('deployment', 'finished', task, { source: 'A' })
  await run.task('test')
  await run.answer('deployment', 'started', task, { source: 'B' })
  await run.answer('deployment', 'finished', task, { source: 'B' })
  t.deepEqual(run.dropped(), ['started', 'finished'])
  t.is(keptn.stored({ triggeredId: task }).length, 4)
})

test('finished before started: the task ends when started comes', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'finished', task)
  t.is(await run.task('deployment'), task)
  await run.answer('deployment', 'started', task)
  await run.task('test')
  t.pass()
})

test('a lost started: the task never ends, and does not time out', async (t) => {
  const { keptn, byHand } = await rig(t, { taskStartedWaitMs: 1000 })
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'finished', task)
  // A second sequence that nobody answers shows when the time of the first one was over, too.
  const other = await byHand()
  await keptn.waitForSequence(other.context, 'dev', 'delivery', { timeoutMs: 5000 })
  t.is(other.latest()?.state, 'timedOut')
  t.is(run.latest()?.state, 'started')
  t.is(await run.task('deployment'), task)
})

test('started twice and finished once: the task hangs until an abort', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  const id = await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'started', task, { id })
  await run.answer('deployment', 'finished', task)
  t.like(run.latest()?.tasks.at(-1), { name: 'deployment', started: 2, finished: 1 })
  t.deepEqual(keptn.duplicates({ context: run.context }), [
    { id, type: 'sh.keptn.event.deployment.started', copies: 2 },
  ])
  keptn.control({ project: 'shop', context: run.context }, 'abort')
  t.like(run.latest()?.outcome, { status: 'aborted', result: 'pass' })
})

test('finished twice after one start: the second one finds no open task', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task)
  const id = await run.answer('deployment', 'finished', task)
  await run.task('test')
  await run.answer('deployment', 'finished', task, { id })
  t.deepEqual(run.dropped(), ['finished'])
  t.like(run.latest()?.tasks.at(-1), { name: 'test', started: 0, finished: 0 })
})

test('two starts and the same finished twice: the task ends without the other', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task, { source: 'A' })
  await run.answer('deployment', 'started', task, { source: 'B' })
  const id = await run.answer('deployment', 'finished', task, { source: 'A' })
  await run.answer('deployment', 'finished', task, { source: 'A', id })
  await run.task('test')
  await run.answer('deployment', 'finished', task, { source: 'B' })
  t.deepEqual(run.dropped(), ['finished'])
})

test('everything twice: the task ends after both', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'finished', task)
  t.is(await run.task('deployment'), task)
  await run.answer('deployment', 'finished', task)
  await run.task('test')
  t.pass()
})

test('an answer that matched just before its task ended is counted to the next task', async (t) => {
  const { keptn, byHand } = await rig(t, { storeMs: 400 })
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task)
  const completed = new Promise<void>((resolve) => {
    keptn.onChange((change) => change.kind === 'task.completed' && resolve())
  })
  await run.answer('deployment', 'finished', task)
  // The task is over, but the database does not know yet: another answer still matches, and is
  // appended only after the next task was made.
  await completed
  await run.answer('deployment', 'finished', task)
  await eventually('it is counted to test', () => {
    const open = run.latest()?.tasks.at(-1)
    return open?.name === 'test' && open.finished === 1
  })
  const next = await run.task('test')
  await run.answer('test', 'started', next)
  await eventually('test ends though nobody finished it', () => run.latest()?.outcome)
  t.is(run.latest()?.stage, 'dev')
})

test('an answer without a triggeredid is counted to the first sequence of its context', async (t) => {
  const { byHand } = await rig(t)
  const run = await byHand()
  await run.task('deployment')
  await run.answer('anything', 'started', '')
  t.like(run.latest()?.tasks.at(-1), { name: 'deployment', started: 1 })
})

test('a failed task ends its sequence, and nothing follows', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'finished', task, {
    data: { result: 'fail', message: 'no luck', labels: { a: 'b' } },
  })
  const ended = await keptn.waitForSequence(run.context, 'dev', 'delivery', { timeoutMs: 5000 })
  t.like(ended.outcome, { result: 'fail', status: 'succeeded', message: 'no luck' })
  const [finished] = await eventually('its finished event', () => {
    const stored = keptn.stored({ type: 'sh.keptn.event.dev.delivery.finished' })
    return stored.length > 0 && stored
  })
  t.is(finished?.event.triggeredid, run.id)
  t.regex(
    finished?.payload ?? '',
    /^\{"specversion":"1.0","id":"[^"]+","source":"shipyard-controller","type":"sh.keptn.event.dev.delivery.finished","datacontenttype":"application\/json","time":"[^"]+","data":\{"project":"shop","stage":"dev","service":"[^"]+","labels":\{"a":"b"\},"status":"succeeded","result":"fail","message":"no luck"\},"shkeptncontext":/,
  )
  t.is(keptn.sequence(run.context).length, 1)
})

test('a sequence trigger that comes twice starts one sequence', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  await run.task('deployment')
  const { context, id } = run
  const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery', service: run.service }
  await keptn.triggerSequence({ ...trigger, context, id })
  await eventually('it is dropped', () => run.dropped().length > 0)
  t.is(keptn.sequence(context).length, 1)
})

test('an unknown stage is finished as errored at once', async (t) => {
  const { keptn } = await rig(t)
  const trigger = { project: 'shop', stage: 'nowhere', sequence: 'delivery', service: 's' }
  const { context } = await keptn.triggerSequence(trigger)
  const [stored] = await eventually('its finished event', () => {
    const type = 'sh.keptn.event.nowhere.delivery.finished'
    const found = keptn.stored({ context, type })
    return found.length > 0 && found
  })
  t.like(stored?.event.data, {
    status: 'errored',
    result: 'fail',
    message: 'Unable to start sequence delivery: no stage with name nowhere',
  })
})
