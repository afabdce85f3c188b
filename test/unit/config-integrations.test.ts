import test from 'ava'
import { describeSettings } from '../../src/config/settings-describe.ts'
import { parseSettings } from '../../src/config/settings.ts'

const STAMP = { SIGNET_STAMP: 'eu-1' }
const DISTRIBUTOR = {
  ...STAMP,
  PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered, sh.keptn.event.test.triggered',
  PUBSUB_RECIPIENT: 'helm-service.keptn',
  PUBSUB_RECIPIENT_PATH: 'events',
  K8S_DEPLOYMENT_NAME: 'helm-service',
  K8S_NAMESPACE: 'keptn',
  STAGE_FILTER: 'dev,prod',
}

function integrations(environment: Readonly<Record<string, string>>, text?: string) {
  const file = text === undefined ? undefined : { path: 'signet.yaml', text }
  const parsed = parseSettings(environment, {}, file)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.settings.integrations
}

function mistakes(environment: Readonly<Record<string, string>>, text?: string): readonly string[] {
  const file = text === undefined ? undefined : { path: 'signet.yaml', text }
  const parsed = parseSettings(environment, {}, file)
  return parsed.ok ? [] : parsed.mistakes.map(({ where, message }) => `${where}: ${message}`)
}

test('without topics there is no integration', (t) => {
  t.deepEqual(integrations(STAMP), [])
})

test('the variables of a distributor are an integration', (t) => {
  const [one, ...more] = integrations(DISTRIBUTOR)
  t.is(more.length, 0)
  t.like(one, {
    name: 'helm-service',
    namespace: 'keptn',
    isRegistered: true,
    hostname: 'keptn-node',
    heartbeatMs: 10_000,
    recipient: { url: 'http://helm-service.keptn:8080/events', timeoutMs: 30_000 },
  })
  const filter = { projects: [], stages: ['dev', 'prod'], services: [] }
  t.deepEqual(one?.subscriptions, [
    { event: 'sh.keptn.event.deployment.triggered', filter },
    { event: 'sh.keptn.event.test.triggered', filter },
  ])
})

test('a distributor without name or namespace, or told so, is not registered', (t) => {
  const isRegistered = (more: Readonly<Record<string, string>>) =>
    integrations({ ...DISTRIBUTOR, ...more })[0]?.isRegistered
  t.true(isRegistered({}))
  t.false(isRegistered({ DISABLE_REGISTRATION: 'true' }))
  t.false(isRegistered({ K8S_NAMESPACE: '' }))
  t.false(isRegistered({ K8S_DEPLOYMENT_NAME: '' }))
  t.false(isRegistered({ K8S_DEPLOYMENT_NAME: 'statistics-service' }))
})

test('a settings file lists integrations, with credentials that are never shown', (t) => {
  const text = `
integrations:
  - name: slack
    namespace: tools
    topics: ['sh.keptn.event.*.finished', 'sh.keptn.>']
    stages: [prod]
    recipient: https://user:s3cr%20et@slack.tools:9443/hook
    version: 1.10
    timeout: 5s
`
  const parsed = parseSettings(STAMP, {}, { path: 'signet.yaml', text })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  const { settings } = parsed
  t.like(settings.integrations[0], {
    name: 'slack',
    namespace: 'tools',
    version: '1.10',
    recipient: {
      url: 'https://slack.tools:9443/hook',
      timeoutMs: 5_000,
      authorization: `Basic ${Buffer.from('user:s3cr et').toString('base64')}`,
    },
  })
  const shown = JSON.stringify(describeSettings(settings))
  t.true(shown.includes('slack.tools:9443'))
  t.false(/s3cr|Basic/.test(shown))
})

test('mistakes in a list of integrations are told at once, and where', (t) => {
  const text = `
integrations:
  - name: a b
    namespace: tools
    topics: []
    recipient: http://x
  - name: good
    topics: [keptn.event]
    recipent: http://x
`
  t.deepEqual(mistakes(STAMP, text), [
    'signet.yaml:3:11 integrations[0].name: expected a name of at most 100 characters, without spaces, found "a b"',
    'signet.yaml:5:13 integrations[0].topics: expected at least one entry, found an empty list',
    'signet.yaml:7:5 integrations[1].namespace: is missing',
    'signet.yaml:8:14 integrations[1].topics[0]: expected an event type or pattern such as sh.keptn.event.deployment.triggered, found "keptn.event"',
    'signet.yaml:7:5 integrations[1].recipient: is missing',
    'signet.yaml:9:5 integrations[1].recipent: unknown key',
  ])
})

test('a recipient that is no URL, or the agent itself, is refused, and no URL is quoted', (t) => {
  const listed = (recipient: string) =>
    mistakes(
      { ...STAMP, SIGNET_SERVICES_PORT: '8080' },
      `integrations: [{ name: a, namespace: b, topics: [sh.keptn.event.x.triggered], recipient: '${recipient}' }]`,
    ).join()
  t.regex(
    listed('ftp://user:secret@x'),
    /\[0\]\.recipient: expected an http:\/\/ or https:\/\/ URL/,
  )
  t.notRegex(listed('ftp://user:secret@x'), /secret/)
  t.regex(listed('http://localhost:8080/x'), /port 8080 is this agent itself/)
  const topic = { ...STAMP, PUBSUB_TOPIC: 'sh.keptn.event.x.triggered' }
  t.regex(
    mistakes({ ...topic, PUBSUB_RECIPIENT: 'localhost' }).join(),
    /port 8080 is this agent itself/,
  )
  const parsed = parseSettings(topic)
  t.true(parsed.ok && parsed.settings.integrations.length === 0)
  t.regex(parsed.warnings.join(), /PUBSUB_TOPIC is set and PUBSUB_RECIPIENT is not/)
  t.regex(
    mistakes({ ...DISTRIBUTOR, PUBSUB_RECIPIENT: 'http://x:99' }).join(),
    /PUBSUB_RECIPIENT: exp/,
  )
  t.regex(
    mistakes({ ...DISTRIBUTOR, PUBSUB_TOPIC: 'deployment' }).join(),
    /^PUBSUB_TOPIC: expected event types/,
  )
})

test('one name in one namespace is one integration', (t) => {
  const text = `
integrations:
  - { name: helm-service, namespace: keptn, topics: [sh.keptn.event.x.triggered], recipient: 'http://x' }
  - { name: helm-service, namespace: other, topics: [sh.keptn.event.x.triggered], recipient: 'http://x' }
`
  t.is(integrations(STAMP, text).length, 2)
  t.deepEqual(mistakes(DISTRIBUTOR, text), [
    'PUBSUB_TOPIC: integration "helm-service" in namespace "keptn" is there already',
  ])
})
