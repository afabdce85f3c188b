import test from 'ava'
import { fc, testProp } from '@fast-check/ava'
import { redact } from '../../src/domain/redact.ts'
import { callRefusal, crossing } from '../../src/domain/residency.ts'
import type { ResidencyRule, Topology } from '../../src/domain/topology.ts'
import { cross } from '../../src/flow/residency.ts'
import { topology as federation } from '../support/stamp-agent.ts'

const rule = (to: string, over: Partial<ResidencyRule> = {}): ResidencyRule => ({
  to,
  events: ['*'],
  drop: [],
  hash: [],
  ...over,
})

function topology(geos: Readonly<Record<string, readonly ResidencyRule[] | 'allow'>>): Topology {
  return {
    ...federation(),
    geos: Object.entries(geos).map(([name, allow]) => ({
      name,
      residency: allow === 'allow' ? { leave: 'allow', allow: [] } : { leave: 'deny', allow },
    })),
  }
}

const FINISHED = 'event.deployment.finished'
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
const hashed = (text: string) => `<${text}>`

test('what holds data of several geos needs the leave of each, and is edited for all', (t) => {
  const geos = topology({
    eu: [rule('ap', { drop: ['data.a'], hash: ['data.b'] })],
    us: [rule('ap', { drop: ['data.b'], hash: ['data.c'] })],
    ap: 'allow',
  })
  t.deepEqual(crossing(geos, ['eu', 'us'], 'ap', FINISHED), {
    kind: 'open',
    drop: ['data.a', 'data.b'],
    hash: ['data.c'],
  })
  t.deepEqual(crossing(geos, ['ap', 'eu'], 'us', FINISHED), { kind: 'refused', by: 'eu' })
  t.deepEqual(crossing(geos, ['eu'], 'eu', FINISHED), { kind: 'open', drop: [], hash: [] })
})

test('fields go in whatever case they are written, and in every element of a list', (t) => {
  const event = {
    id: '1',
    data: {
      Deployment: { urls: ['a'], name: 'x' },
      items: [{ secret: 1 }, 'text', [{ SECRET: 2, kept: true }]],
      labels: { owner: 'me', team: 'us' },
    },
  }
  const edits = {
    drop: ['data.deployment.URLs', 'data.items.secret', 'data.nothing'],
    hash: ['data.labels.owner', 'data.deployment'],
  }
  t.deepEqual(redact(event, edits, hashed), {
    event: {
      id: '1',
      data: {
        Deployment: '<{"name":"x"}>',
        items: [{}, 'text', [{ kept: true }]],
        labels: { owner: '<me>', team: 'us' },
      },
    },
    paths: ['data.deployment.URLs', 'data.items.secret', 'data.labels.owner', 'data.deployment'],
  })
})

const key = fc.constantFrom('data', 'a', 'A', 'b', '__proto__', 'constructor')
const path = fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => keys.join('.'))

testProp(
  'what is dropped is nowhere in the event, and all else is as it was',
  [fc.dictionary(key, fc.jsonValue()), fc.array(path, { maxLength: 4 })],
  (t, event, drop) => {
    const read = JSON.parse(JSON.stringify(event)) as Readonly<Record<string, unknown>>
    const once = redact(read, { drop, hash: [] }, hashed)
    t.deepEqual(redact(once.event, { drop, hash: [] }, hashed), { event: once.event, paths: [] })
    if (once.paths.length === 0) t.deepEqual(once.event, read)
  },
)

test('bytes are as they were where nothing had to go, and what cannot be read does not go', (t) => {
  const geos = topology({ eu: [rule('us', { drop: ['data.secret'] })], us: 'allow' })
  const way = { from: ['eu'], to: 'us', tail: FINISHED }
  const odd = Buffer.from('{ "id" : 1, "data" : {  } }')
  t.is((cross(geos, way, odd) as { body: unknown }).body, odd)
  t.like(cross(geos, way, bytes({ data: { secret: 1, kept: 1 } })), {
    kind: 'passes',
    redacted: ['data.secret'],
  })
  for (const unread of ['{"data":', '[]', '"x"', `{"data":${'['.repeat(1e5)}${']'.repeat(1e5)}}`])
    t.is(cross(geos, way, Buffer.from(unread)).kind, 'refused', unread.slice(0, 20))
  const twice = Buffer.from('{"data":{"secret":"a","secret":"b","x":1}}')
  const passed = cross(geos, way, twice) as { body: Uint8Array }
  t.is(Buffer.from(passed.body).toString(), '{"data":{"x":1}}')
})

test('equal values have equal hashes, and no value is in its hash', (t) => {
  const geos = topology({ eu: [rule('us', { hash: ['data.owner'] })], us: 'allow' })
  const way = { from: ['eu'], to: 'us', tail: FINISHED }
  const ownerOf = (owner: unknown): unknown => {
    const { body } = cross(geos, way, bytes({ data: { owner } })) as { body: Uint8Array }
    return (JSON.parse(Buffer.from(body).toString()) as { data: { owner: unknown } }).data.owner
  }
  t.regex(String(ownerOf('carol')), /^sha256:[0-9a-f]{64}$/)
  t.is(ownerOf('carol'), ownerOf('carol'))
  t.not(ownerOf('carol'), ownerOf('dave'))
  t.regex(String(ownerOf({ name: 'carol' })), /^sha256:/)
})

test('calls are named by service and method, and cannot be edited', (t) => {
  const geos = topology({
    eu: [rule('us', { events: ['api.*.get', 'event.*'] }), rule('ap', { drop: ['data.a'] })],
    us: 'allow',
  })
  const call = (method: string, target = '/v1/project/shop/resource') => ({
    service: 'resource-service',
    method,
    target,
  })
  const to = (geo: string, isBody = true) => ({ from: 'eu', to: geo, isBody })
  t.is(callRefusal(geos, to('us'), call('GET')), undefined)
  t.regex(
    String(callRefusal(geos, to('us'), call('PUT'))),
    /eu does not let api\.resource-service\.put go to us/,
  )
  t.regex(String(callRefusal(geos, to('ap'), call('PUT'))), /only with fields left out/)
  t.is(callRefusal(geos, to('ap', false), call('GET')), undefined)
  t.is(callRefusal(geos, to('us'), call('POST', '/v1/uniform/registration')), undefined)
  t.not(callRefusal(geos, to('us'), call('POST', '/v1/uniform/registrationx')), undefined)
})
