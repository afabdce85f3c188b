import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import {
  DEFAULT_API_RULES,
  isRepeatable,
  judgeCall,
  parseApiRule,
} from '../../src/domain/api-rules.ts'
import { KEPTN_SERVICES } from '../../src/domain/keptn-service.ts'
import type { KeptnServiceName } from '../../src/domain/keptn-service.ts'
import { targetMistake } from '../../src/domain/request-target.ts'
import { rules } from '../support/tunnel-config.ts'

const DEFAULTS = rules(...DEFAULT_API_RULES)
const ALL = rules(...KEPTN_SERVICES.map((service) => `* ${service}/**`))

function judge(call: string, allowed = DEFAULTS, stamp = 'eu-1'): string {
  const [method = '', rest = ''] = call.split(' ')
  const at = rest.indexOf('/')
  const service = rest.slice(0, at) as KeptnServiceName
  const verdict = judgeCall(allowed, stamp, { method, service, target: rest.slice(at) })
  return verdict.ok ? 'ok' : verdict.reason
}

test('what integrations need is allowed by default', (t) => {
  for (const call of [
    'POST shipyard-controller/v1/uniform/registration',
    'PUT shipyard-controller/v1/uniform/registration/abc/ping',
    'POST shipyard-controller/v1/log',
    'GET shipyard-controller/v1/project/shop/stage?pageSize=20',
    'GET resource-service/v1/project/shop/stage/dev/service/cart/resource/job%252Fconfig.yaml?gitCommitID=',
    'GET resource-service/v1/project/shop/stage/dev/service/cart/resource?nextPageKey=',
    'POST resource-service/v1/project/shop/stage/dev/service/cart/resource',
    'PUT resource-service/v1/project/shop/resource/a//b/',
    'GET mongodb-datastore/event?keptnContext=x',
    'GET mongodb-datastore/event/type/sh.keptn.event.x.finished?limit=1',
    'GET api-service/v1/metadata',
  ])
    t.is(judge(call), 'ok', call)
})

test('what nobody in a stamp needs is not', (t) => {
  for (const call of [
    'DELETE shipyard-controller/v1/project/shop',
    'POST shipyard-controller/v1/project',
    'GET shipyard-controller/v1/event/triggered/sh.keptn.event.deployment.triggered',
    'POST shipyard-controller/v1/sequence/shop/abc/control',
    'POST api-service/v1/event',
    'GET secret-service/v1/secret',
    'DELETE resource-service/v1/project/shop/resource/x',
    'GET shipyard-controller/v1%2Fproject/shop',
    'GET shipyard-controller/v1/project/shop%2Fstage',
    'GET shipyard-controller/v1/project/',
    'GET shipyard-controller//v1/project/shop',
  ])
    t.is(judge(call), 'not-allowed', call)
  t.is(judge('TRACE resource-service/v1/project/shop/resource'), 'method')
  t.is(judge('get resource-service/v1/project/shop/resource'), 'method')
})

test('what the gateway of Keptn denies is denied whatever is allowed, and however it is escaped', (t) => {
  for (const call of [
    'DELETE shipyard-controller/v1/log',
    'POST shipyard-controller/v1/event',
    'GET shipyard-controller/swagger-ui/swagger.yaml',
    'POST mongodb-datastore/event',
    'DELETE mongodb-datastore/anything/at/all',
    'GET mongodb-datastore/health',
    'GET resource-service/v1/project',
    'PUT resource-service/v1/project/shop',
    'GET resource-service/v1/project/shop/',
    'GET resource-service//v1//project/shop',
    'GET resource-service/v1/%70roject/shop',
    'GET resource-service/v1/%2570roject/shop',
    'GET resource-service/v1%2Fproject%2Fshop',
    'GET resource-service/v1%252Fproject/shop',
    'POST resource-service/v1/project/shop/stage',
    'DELETE resource-service/v1/project/shop/stage/dev',
    'GET resource-service/v1/project/shop/stage/dev/service',
    'GET resource-service/v1/project/shop/stage/dev/service/cart',
    'GET resource-service/v1/project/shop/service/cart/resource/x',
  ])
    t.is(judge(call, ALL), 'denied', call)
  t.is(judge('GET resource-service/v1/project/shop/stage/dev/service/cart/resource', ALL), 'ok')
})

testProp(
  'no way to write a denied path is allowed',
  [
    fc.constantFrom('/v1/project', '/v1/project/shop', '/v1/project/shop/stage/dev'),
    fc.array(fc.tuple(fc.nat({ max: 30 }), fc.constantFrom('escape', 'twice', 'slash')), {
      maxLength: 6,
    }),
  ],
  (t, path, edits) => {
    // Each character is written in one other way at most: nobody behind decodes more than three times.
    const written = path.split('')
    for (const [at, edit] of edits) {
      const index = at % path.length
      const char = path.charAt(index)
      const hex = char.charCodeAt(0).toString(16)
      if (edit !== 'slash') written[index] = `%${edit === 'twice' ? '25' : ''}${hex}`
      else if (char === '/') written[index] = '//'
    }
    const text = written.join('')
    const call = { service: 'resource-service', method: 'GET', target: text } as const
    t.true(targetMistake(text) !== undefined || !judgeCall(ALL, 'eu-1', call).ok, text)
  },
)

test('a rule may be for some stamps only', (t) => {
  const some = rules('eu-*: GET|HEAD secret-service/v1/secret/**')
  t.is(judge('GET secret-service/v1/secret', some), 'ok')
  t.is(judge('GET secret-service/v1/secret/a/b', some), 'ok')
  t.is(judge('GET secret-service/v1/secret', some, 'us-1'), 'not-allowed')
  t.is(judge('POST secret-service/v1/secret', some), 'not-allowed')
})

test('what is no rule is told', (t) => {
  for (const text of [
    '',
    'GET',
    'GET resource-service',
    'GET nobody/x',
    'GRAB resource-service/x',
    'GET resource-service/**/x',
  ])
    t.is(parseApiRule(text), undefined, text)
})

test('reading and signs of life may be done twice', (t) => {
  const call = {
    service: 'shipyard-controller',
    method: 'PUT',
    target: '/v1/uniform/registration/a/ping',
  }
  t.true(isRepeatable(call))
  t.true(isRepeatable({ ...call, method: 'GET' }))
  t.false(isRepeatable({ ...call, method: 'POST' }))
  t.false(isRepeatable({ ...call, target: '/v1/uniform/registration/a/b/ping' }))
  t.false(isRepeatable({ ...call, service: 'resource-service' }))
})
