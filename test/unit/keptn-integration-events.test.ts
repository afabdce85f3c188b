import test from 'ava'
import {
  finishedEvent,
  startedEvent,
  statusChangedEvent,
} from '../../src/demo/integration/answer-events.ts'
import { markSubscription, passes } from '../../src/demo/integration/event-filter.ts'
import { decodeEvent } from '../../src/demo/keptn/go-decode.ts'

const from = { source: 'helm-service', id: 'A1', time: '2024-01-01T10:00:00Z' }

function triggered() {
  const decoded = decodeEvent(
    JSON.stringify({
      id: 'T1',
      type: 'sh.keptn.event.deployment.triggered',
      source: 'shipyard-controller',
      shkeptncontext: 'C',
      gitcommitid: 'abc',
      data: {
        project: 'p',
        stage: 'dev',
        service: 's',
        labels: { owner: 'me' },
        result: 'warning',
        status: 'succeeded',
        message: '',
        deployment: { deploymentstrategy: 'direct' },
      },
    }),
  )
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

test('a started event carries the common data of its parent, leftovers included, and no commit', (t) => {
  const event = startedEvent(triggered(), from)
  t.like(event, {
    id: 'A1',
    type: 'sh.keptn.event.deployment.started',
    triggeredid: 'T1',
    shkeptncontext: 'C',
    source: 'helm-service',
    gitcommitid: '',
  })
  const common = { project: 'p', stage: 'dev', service: 's', labels: { owner: 'me' } }
  t.deepEqual(event.data, { ...common, result: 'warning', status: 'succeeded' })
})

test('a finished event has defaults for result and status, and the data of its task', (t) => {
  const data = { deployment: { deploymentNames: ['direct'] } }
  const event = finishedEvent(triggered(), { data }, from)
  t.is(event.type, 'sh.keptn.event.deployment.finished')
  t.like(event.data, { ...data, result: 'pass', status: 'succeeded', stage: 'dev' })
  t.like(finishedEvent(triggered(), { status: 'errored' }, from).data, { result: 'fail' })
})

test('a status change has a type of six parts', (t) => {
  const event = statusChangedEvent(triggered(), 'half', from)
  t.is(event.type, 'sh.keptn.event.deployment.status.changed')
  t.like(event.data, { message: 'half' })
})

const data = { project: 'p', stage: 'dev', service: 's' }
const filters: readonly (readonly [string, readonly string[] | null, unknown, boolean])[] = [
  ['an empty filter', [], data, true],
  ['a missing filter', null, data, true],
  ['a filter with the stage', ['prod', 'dev'], data, true],
  ['a filter without the stage', ['prod'], data, false],
  ['a filter with a comma in a value', ['dev,prod'], data, true],
  ['data that cannot be decoded', [], { project: 1 }, false],
]
for (const [title, stages, given, isMatch] of filters) {
  test(`${title} ${isMatch ? 'passes' : 'does not pass'}`, (t) => {
    t.is(passes({ projects: [], stages, services: [] }, given), isMatch)
  })
}

test('the subscription is marked, overwritten, or left out as cp-connector does', (t) => {
  const marked = { temporaryData: { distributor: { subscriptionID: 's1' } } }
  t.deepEqual(markSubscription({}, 's1'), { ok: true, data: marked })
  t.deepEqual(markSubscription(null, 's1'), { ok: true, data: marked })
  const before = { temporaryData: { distributor: { subscriptionID: 's0' }, x: 1 } }
  t.like(markSubscription(before, 's1'), { data: marked })
  const foreign = { temporaryData: { x: 1 } }
  t.deepEqual(markSubscription(foreign, 's1'), { ok: true, data: foreign })
  t.false(markSubscription({ temporaryData: null }, 's1').ok)
})
