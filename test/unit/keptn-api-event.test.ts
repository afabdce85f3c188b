import test from 'ava'
import { missingAttribute, refusalOf, rewritePosted } from '../../src/demo/keptn/api-event.ts'
import { decodeEvent } from '../../src/demo/keptn/go-decode.ts'
import { gatewayPath } from '../../src/demo/keptn/nginx-path.ts'
import { buggyPageOf, pageOf } from '../../src/demo/keptn/paging.ts'

function event(fields: Record<string, unknown>) {
  const decoded = decodeEvent(
    JSON.stringify({ type: 'sh.keptn.event.deployment.started', source: 's', data: {}, ...fields }),
  )
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

const scope = { project: 'p', stage: 'dev', service: 's' }
const post = (fields: Record<string, unknown>) => rewritePosted(event(fields), 0, () => 'new')

test('a posted event gets another id and loses its spec version', (t) => {
  t.like(post({ id: 'own', shkeptnspecversion: '0.2.4', triggeredid: 'T' }), {
    id: 'new',
    shkeptnspecversion: '',
    triggeredid: 'T',
    time: '1970-01-01T00:00:00.000Z',
  })
})

test('a context that is no UUID becomes one, always the same', (t) => {
  const uuid = '7b1f0000-0000-4000-8000-000000000000'
  t.is(post({ shkeptncontext: uuid }).shkeptncontext, uuid)
  t.is(post({ shkeptncontext: 'abc' }).shkeptncontext, '61626320-2020-2020-2020-202020202020')
  t.is(post({ shkeptncontext: '' }).shkeptncontext, 'new')
})

test('a source that is no URL is replaced', (t) => {
  t.is(post({ source: 'helm-service' }).source, 'helm-service')
  t.is(post({ source: '' }).source, 'https://github.com/keptn/keptn/api')
  t.is(post({ source: '1:2' }).source, 'https://github.com/keptn/keptn/api')
})

test('data, source and type are needed', (t) => {
  t.is(missingAttribute(event({ data: null })), 'data')
  t.is(missingAttribute(event({ source: null })), 'source')
  t.is(missingAttribute(event({ type: null })), 'type')
  t.is(missingAttribute(event({})), undefined)
})

const done = { ...scope, result: 'pass', status: 'succeeded' }
const validated: readonly (readonly [string, Record<string, unknown>, string, boolean])[] = [
  ['sh.keptn.log.error', {}, '', true],
  ['sh.keptn.events.problem', {}, '', true],
  ['sh.keptn.event.dev.delivery.triggered', scope, '', true],
  ['sh.keptn.event.prod.delivery.triggered', scope, '', false],
  ['sh.keptn.event.deployment.started', scope, 'T', true],
  ['sh.keptn.event.deployment.started', scope, '', false],
  ['sh.keptn.event.deployment.finished', done, 'T', true],
  ['sh.keptn.event.deployment.finished', scope, 'T', false],
  ['sh.keptn.event.deployment.invalidated', scope, '', true],
  ['sh.keptn.event.deployment.triggered', scope, '', false],
  ['sh.keptn.event.dev.delivery.finished', done, 'T', false],
  ['sh.keptn.event.deployment.status.changed', scope, 'T', false],
]
for (const [type, data, triggeredid, isAllowed] of validated) {
  const fields = `${Object.keys(data).length} fields and ${triggeredid === '' ? 'no' : 'a'} triggeredid`
  test(`validation ${isAllowed ? 'allows' : 'refuses'} ${type} with ${fields}`, (t) => {
    t.is(refusalOf(event({ type, data, triggeredid })) === undefined, isAllowed)
  })
}

test('the gateway decodes once, merges slashes and escapes again', (t) => {
  t.is(gatewayPath('/api/x/job%2Fconfig.yaml?a=%2F'), '/api/x/job/config.yaml?a=%2F')
  t.is(gatewayPath('/api/x/job%252Fconfig.yaml'), '/api/x/job%252Fconfig.yaml')
  t.is(gatewayPath('/api//x/a%2Bb%20c'), '/api/x/a+b%20c')
  t.is(gatewayPath('/api/%C3%BC'), '/api/%C3%BC')
})

const items = Array.from({ length: 45 }, (_, index) => index)

test('pages go on where the last one ended', (t) => {
  t.like(pageOf(items, {}), { nextPageKey: '20', totalCount: 45 })
  t.deepEqual(pageOf(items, { nextPageKey: '40' }), {
    items: [40, 41, 42, 43, 44],
    nextPageKey: '0',
    totalCount: 45,
  })
})

test('buggy pages have the right length and begin at the first item again', (t) => {
  t.deepEqual(buggyPageOf(items, { nextPageKey: '40' }).items, [0, 1, 2, 3, 4])
  t.is(buggyPageOf(items, { pageSize: 1000 }).items.length, 45)
})
