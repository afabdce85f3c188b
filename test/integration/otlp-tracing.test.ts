import test from 'ava'
import { otlpTracing } from '../../src/observe/otlp-tracing.ts'
import type { Log } from '../../src/observe/log.ts'
import { createLog } from '../../src/observe/log.ts'
import { eventually } from '../support/federation.ts'
import { json, LoopbackHttp } from '../support/loopback-http.ts'

const EVENT = {
  id: 'T1',
  type: 'sh.keptn.event.deployment.triggered',
  source: 'shipyard-controller',
  context: '0af76519-16cd-43dd-8448-eb211c80319c',
  triggeredid: '',
  traceparent: '',
  parsedType: { shape: 'task' },
}

test('a collector that takes nothing costs one line of log, holds up no work and no stop', async (t) => {
  let status = 400
  await using collector = await LoopbackHttp.start((_, response) => {
    json(response, status, {})
  })
  const said: string[] = []
  const note = (_: unknown, message: string) => said.push(message)
  const log: Log = { ...createLog('silent', {}), warn: note, info: note }
  const tracing = otlpTracing({
    endpoint: `${collector.url}/`,
    version: '0',
    stamp: 'a',
    agent: 'a-0',
    log,
  })
  const work = (text: string) => tracing.step('route', EVENT, () => Promise.resolve(text))
  t.is(await work('done'), 'done')
  await eventually(() => said.length > 0, 20_000, 'it is told')
  const before = collector.came.length
  await work('done')
  await eventually(() => collector.came.length > before, 20_000, 'it is tried again')
  status = 200
  await work('done')
  await eventually(() => said.length > 1, 20_000, 'it is told that it is well again')
  t.deepEqual(said, [
    'The collector takes no traces; they are dropped.',
    'The collector takes traces again.',
  ])
  const failure = new Error('boom')
  t.is(await t.throwsAsync(tracing.step('deliver', EVENT, () => Promise.reject(failure))), failure)
  await tracing.stop()
  const [span] = collector.came.slice(-1).map(({ body }) => body)
  t.regex(span ?? '', /"name":"deliver".*"message":"boom"/, 'a stop sends what is left')
})

test('a collector that is not there does not hold up a stop for long', async (t) => {
  const collector = await LoopbackHttp.start(() => {})
  const { url } = collector
  await collector[Symbol.asyncDispose]()
  const log = createLog('silent', {})
  const tracing = otlpTracing({ endpoint: url, version: '0', stamp: 'a', agent: 'a-0', log })
  t.is(await tracing.step('route', EVENT, () => Promise.resolve(1)), 1)
  await tracing.stop()
  t.pass()
})
