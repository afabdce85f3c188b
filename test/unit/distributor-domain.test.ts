import test from 'ava'
import { parseDistributorSettings } from '../../src/config/settings-distributor.ts'
import { registrationObstacle } from '../../src/domain/distributor-plan.ts'
import { errorLogOf } from '../../src/domain/error-log.ts'
import { oauthClient } from '../../src/domain/oauth-client.ts'
import { readCloudEvent, recipientEvent, recipientUrl } from '../../src/domain/recipient-event.ts'

function read(environment: Readonly<Record<string, string>>) {
  const parsed = parseDistributorSettings(environment)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed
}

test('an empty environment means what it means to a distributor', (t) => {
  const { settings } = read({})
  t.like(settings.api, { endpoint: undefined, timeoutMs: 30_000, pollingIntervalMs: 10_000 })
  t.is(settings.api.verifyTls, true)
  t.like(settings.distributor, {
    proxyPath: '/',
    eventPath: '/event',
    topics: [],
    recipient: 'http://127.0.0.1',
    recipientPort: 8080,
    recipientPath: '',
    queueGroup: '',
    nodeName: 'keptn-node',
    distributorVersion: '0.9.0',
    heartbeatIntervalMs: 10_000,
    maxHeartbeatRetries: 10,
  })
  t.deepEqual(settings.keptn.urls, ['nats://keptn-nats'])
  t.is(settings.agent.httpPort, 8081)
})

test('a time-out that is no number is the default, and a warning', (t) => {
  for (const garbage of ['soon', '30s', '0', '-5']) {
    const { settings, warnings } = read({
      API_PROXY_HTTP_TIMEOUT: garbage,
      HTTP_POLLING_INTERVAL: garbage,
    })
    t.deepEqual([settings.api.timeoutMs, settings.api.pollingIntervalMs], [30_000, 10_000])
    t.is(warnings.length, 2)
  }
  t.is(read({ API_PROXY_HTTP_TIMEOUT: '5' }).settings.api.timeoutMs, 5_000)
})

test('a limit of the payload is in KiB, and none is none', (t) => {
  const limit = (text: string) =>
    read({ API_PROXY_MAX_PAYLOAD_BYTES_KB: text }).settings.distributor.maxPayloadBytes
  t.is(limit('128'), 131_072)
  t.is(limit('0'), Number.POSITIVE_INFINITY)
  t.is(limit('-1'), Number.POSITIVE_INFINITY)
})

test('the address of a recipient gets what it lacks', (t) => {
  t.is(recipientUrl('http://127.0.0.1', 8080, ''), 'http://127.0.0.1:8080')
  t.is(recipientUrl('my-service', 9000, 'path'), 'http://my-service:9000/path')
  t.is(recipientUrl('https://my-service', 443, '/path'), 'https://my-service:443/path')
})

test('OAuth needs a client, scopes and a place to get tokens, and is nothing without one of them', (t) => {
  const all = {
    oauthClientId: 'me',
    oauthClientSecret: 'secret',
    oauthScopes: ['all'],
    oauthTokenUrl: 'http://x/token',
    oauthDiscovery: 'http://x/discovery',
  }
  t.is(oauthClient(all)?.tokenUrl, 'http://x/token')
  t.is(oauthClient({ ...all, oauthTokenUrl: undefined })?.discovery, 'http://x/discovery')
  t.is(oauthClient({ ...all, oauthTokenUrl: undefined, oauthDiscovery: undefined }), undefined)
  t.is(oauthClient({ ...all, oauthScopes: [] }), undefined)
  t.is(oauthClient({ ...all, oauthClientId: undefined }), undefined)
  t.is(oauthClient({ ...all, oauthClientSecret: undefined }), undefined)
})

test('who does not register is told why', (t) => {
  const plan = {
    topics: [],
    filter: { projects: [], stages: [], services: [] },
    disableRegistration: false,
    deploymentName: 'my-service',
    namespace: 'keptn',
    podName: '',
    nodeName: 'keptn-node',
    integrationVersion: '',
    distributorVersion: '0.9.0',
  }
  t.is(registrationObstacle(plan), undefined)
  t.regex(registrationObstacle({ ...plan, disableRegistration: true }) ?? '', /DISABLE/)
  t.regex(registrationObstacle({ ...plan, namespace: '' }) ?? '', /K8S_NAMESPACE/)
  t.regex(registrationObstacle({ ...plan, deploymentName: '' }) ?? '', /K8S_DEPLOYMENT_NAME/)
  t.regex(registrationObstacle({ ...plan, deploymentName: 'api-service' }) ?? '', /component/)
})

test('what a distributor takes for an event', (t) => {
  const event = { specversion: '1.0', id: '1', source: 's', type: 't', data: { project: 'p' } }
  t.like(readCloudEvent(JSON.stringify(event)), { id: '1', project: 'p', stage: '', context: '' })
  t.like(readCloudEvent(JSON.stringify({ ...event, specversion: '0.3', data: null })), { id: '1' })
  for (const lacks of ['specversion', 'id', 'source', 'type'])
    t.is(readCloudEvent(JSON.stringify({ ...event, [lacks]: undefined })), undefined)
  t.is(readCloudEvent(JSON.stringify({ ...event, specversion: '2' })), undefined)
  t.is(readCloudEvent('no json'), undefined)
})

test('the id of a subscription is put where it belongs, whatever is there already', (t) => {
  const tagged = (data: unknown) =>
    (JSON.parse(recipientEvent(JSON.stringify({ data }), 's1')) as { data: unknown }).data
  const distributor = { subscriptionID: 's1' }
  t.deepEqual(tagged({ a: 1 }), { a: 1, temporaryData: { distributor } })
  t.deepEqual(tagged({ temporaryData: { distributor: { subscriptionID: 's0' } } }), {
    temporaryData: { distributor },
  })
  t.deepEqual(tagged({ temporaryData: { other: 1 } }), { temporaryData: { other: 1, distributor } })
  for (const odd of [null, undefined, 'x', { temporaryData: null }])
    t.like(tagged(odd), { temporaryData: { distributor } })
})

test('only errors are worth a line in the log of an integration', (t) => {
  const of = (type: string, data: object) => errorLogOf(JSON.stringify({ type, data }), 'me')
  t.like(of('sh.keptn.event.test.finished', { status: 'errored', message: 'm' }), {
    integrationid: 'me',
    task: 'test',
    message: 'm',
  })
  t.is(of('sh.keptn.event.test.finished', { status: 'succeeded', result: 'fail' }), undefined)
  t.is(of('sh.keptn.event.test.started', { status: 'errored' }), undefined)
  t.like(of('sh.keptn.log.error', { task: 'x', integrationid: 'you' }), { integrationid: 'you' })
  t.is(errorLogOf('no json', 'me'), undefined)
})
