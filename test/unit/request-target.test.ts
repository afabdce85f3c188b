import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { gatewayTarget } from '../../src/domain/gateway-target.ts'
import { isImmutable } from '../../src/domain/immutable-resource.ts'
import { decodings, targetMistake } from '../../src/domain/request-target.ts'

const piece = fc.constantFrom(
  'a',
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E',
  '%252e',
  '%25252e',
  '%2f',
  '%252F',
  '%5c',
  '%00',
  '%0d%0a',
  '%',
  '%z',
  '+',
  ' ',
  '\r\n',
  '#',
  '?',
  '\u00e9',
  '%c3%a9',
  '~',
  ';',
  '%25',
)
const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

testProp('a target that passes climbs nowhere, however it is decoded', [target], (t, text) => {
  if (targetMistake(text) !== undefined) {
    t.pass()
    return
  }
  const [path = ''] = text.split('?', 1)
  for (const decoded of decodings(path)) {
    t.false(
      decoded.split('/').some((segment) => segment === '.' || segment === '..'),
      decoded,
    )
    // oxlint-disable-next-line no-control-regex
    t.notRegex(decoded, /[\u0000-\u001f\u007f\\]/)
  }
  t.regex(text, /^\/[\u0021-\u007e]*$/)
  t.false(text.includes('#'))
})

testProp('no text makes the check of targets throw', [fc.string()], (t, text) => {
  t.notThrows(() => targetMistake(text))
  if (!text.startsWith('/')) t.not(targetMistake(text), undefined)
})

test('what clients of Keptn send passes', (t) => {
  for (const text of [
    '/',
    '/?',
    '/v1/project/p/stage/dev/resource/job%2Fconfig.yaml?gitCommitID=',
    '/v1/project/p/resource/job%252Fconfig.yaml',
    '/v1//x//?a=%zz&b=+&=&&',
    '/v1/project/p/resource/a..b/.hidden/...',
    '/event/type/x?filter=data.project:p%20AND%20shkeptncontext:c',
  ])
    t.is(targetMistake(text), undefined, text)
})

test('what only somebody with something in mind sends does not', (t) => {
  for (const text of [
    'http://evil/x',
    '*',
    '',
    '/a b',
    '/a\r\nX: y',
    '/a#b',
    '/a/../b',
    '/..',
    '/a/.',
    '/a/%2e%2E/b',
    '/a%2f..%2fb',
    '/a%252f%252e%252e%252fb',
    '/a%5c..%5cb',
    '/a\\b',
    '/%00',
    '/%0a',
    '/%250a',
    '/%',
    '/%a',
    '/%zz',
    `/${'a'.repeat(9_000)}`,
  ])
    t.not(targetMistake(text), undefined, text)
})

test('the gateway gets names of resources escaped twice, once', (t) => {
  const at = (target: string) => gatewayTarget('resource-service', target)
  t.is(
    at('/v1/project/p/resource/helm%2Fx.tgz?a=%2F'),
    '/resource-service/v1/project/p/resource/helm%252Fx.tgz?a=%2F',
  )
  t.is(
    at('/v1/project/p/resource/helm%252Fx.tgz'),
    '/resource-service/v1/project/p/resource/helm%252Fx.tgz',
  )
  t.is(at('/v1/project/p/resource'), '/resource-service/v1/project/p/resource')
  t.is(
    at('/v1/project/resource/resource/a%2Fb'),
    '/resource-service/v1/project/resource/resource/a%252Fb',
  )
  t.is(gatewayTarget('api-service', '/v1/metadata'), '/v1/metadata')
  t.is(
    gatewayTarget('shipyard-controller', '/v1/resource/a%2Fb'),
    '/controlPlane/v1/resource/a%2Fb',
  )
})

test('only a resource at a whole commit id never changes', (t) => {
  const id = 'a'.repeat(40)
  const get = (target: string, over = {}) =>
    isImmutable({ service: 'resource-service', method: 'GET', target, ...over })
  t.true(get(`/v1/project/p/resource/x?gitCommitID=${id}`))
  t.true(get(`/v1/project/p/resource/x%252Fy?a=b&gitCommitID=${'0'.repeat(64)}`))
  t.false(get(`/v1/project/p/resource/x?gitCommitID=${id.slice(1)}`))
  t.false(get('/v1/project/p/resource/x?gitCommitID='))
  t.false(get('/v1/project/p/resource/x'))
  t.false(get(`/v1/project/p/resource?gitCommitID=${id}`))
  t.false(get(`/v1/project/p/resource/x?gitCommitID=${id}&gitCommitID=${id}`))
  t.false(get(`/v1/project/p/resource/x?gitCommitID=${id}`, { method: 'HEAD' }))
  t.false(get(`/v1/project/p/resource/x?gitCommitID=${id}`, { service: 'shipyard-controller' }))
})
