import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { describeSettings } from '../../src/config/settings-describe.ts'
import { loadSettings } from '../../src/config/settings-load.ts'
import { settingGroups } from '../../src/config/settings-schema.ts'
import type { Environment, Flags } from '../../src/config/settings-source.ts'
import { stampInTopology } from '../../src/config/settings-stamp.ts'
import type { Settings } from '../../src/config/settings.ts'
import { parseSettings } from '../../src/config/settings.ts'
import { loadTopology } from '../../src/config/topology-load.ts'
import { isSignetError } from '../../src/errors.ts'

const STAMP = { SIGNET_STAMP: 'eu-canary-1' }

function settingsOf(environment: Environment, flags: Flags = {}, yaml?: string): Settings {
  const file = yaml === undefined ? undefined : { path: 'signet.yaml', text: yaml }
  const parsed = parseSettings({ ...STAMP, ...environment }, flags, file)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.settings
}

function mistakesOf(environment: Environment, flags: Flags = {}, yaml?: string): readonly string[] {
  const file = yaml === undefined ? undefined : { path: 'signet.yaml', text: yaml }
  const parsed = parseSettings({ ...STAMP, ...environment }, flags, file)
  return parsed.ok ? [] : parsed.mistakes.map(({ where, message }) => `${where}: ${message}`)
}

test('the defaults are those of the table', (t) => {
  const settings = settingsOf({})
  t.like(settings, {
    stamp: 'eu-canary-1',
    topologyDir: './topology',
    drainMs: 25_000,
    dedupeWindowMs: 86_400_000,
    retentionMs: 604_800_000,
    inFlight: 256,
    presenceIntervalMs: 5_000,
    httpPort: 8_081,
    servicesPort: 8_080,
    adminPort: 9_090,
    listenHost: '0.0.0.0',
    storeReplicas: undefined,
    gateway: { urls: ['nats://natsserver.default.svc.cluster.local:4222'], auth: {} },
    keptn: { urls: ['nats://keptn-nats'], auth: {} },
  })
  t.is(settings.keptnServices['secret-service'], 'http://secret-service:8080')
  t.true(Object.isFrozen(settings) && Object.isFrozen(settings.gateway.auth))
})

test('every default of the table is one that its reader takes', (t) => {
  for (const { table } of settingGroups) {
    for (const setting of Object.values(table)) {
      if ('default' in setting) t.true(setting.reader.read(setting.default).ok, setting.name)
    }
  }
})

test('a flag comes before the environment, that before the file, and that before the default', (t) => {
  const yaml = 'drain: 3s'
  t.is(settingsOf({ SIGNET_DRAIN: '2s' }, { drain: '1s' }, yaml).drainMs, 1_000)
  t.is(settingsOf({ SIGNET_DRAIN: '2s' }, {}, yaml).drainMs, 2_000)
  t.is(settingsOf({ SIGNET_DRAIN: '' }, {}, yaml).drainMs, 3_000)
  t.is(settingsOf({}, {}, 'inFlight: 7').drainMs, 25_000)
})

test('Keptn NATS is NATS_URL, else PUBSUB_URL, else EVENTBROKER', (t) => {
  const environment = { NATS_URL: 'nats://a', PUBSUB_URL: 'nats://b', EVENTBROKER: 'nats://c' }
  t.deepEqual(settingsOf(environment).keptn.urls, ['nats://a'])
  t.deepEqual(settingsOf({ ...environment, NATS_URL: '' }).keptn.urls, ['nats://b'])
  t.deepEqual(settingsOf({ EVENTBROKER: 'nats://c' }).keptn.urls, ['nats://c'])
})

test('credentials in a NATS URL move to its authentication', (t) => {
  const { gateway, keptn } = settingsOf({
    SIGNET_NATS_URL: 'nats://us%40er:p%3Aw@one:4222, tls://two',
    NATS_URL: 'nats://s3cret@three',
  })
  t.deepEqual(gateway, {
    urls: ['nats://one:4222', 'tls://two'],
    auth: { user: 'us@er', password: 'p:w' },
  })
  t.deepEqual(keptn, { urls: ['nats://three'], auth: { token: 's3cret' } })
})

test('authentication that is set by itself replaces that of the URL', (t) => {
  const { gateway } = settingsOf({
    SIGNET_NATS_URL: 'nats://a:b@one',
    SIGNET_NATS_CREDS: '/run/creds',
  })
  t.deepEqual(gateway, { urls: ['nats://one'], auth: { credsFile: '/run/creds' } })
})

test('an nkey is a seed or the file of one', (t) => {
  const seed = `SU${'A'.repeat(56)}`
  t.deepEqual(settingsOf({ SIGNET_NATS_NKEY: seed }).gateway.auth, { nkeySeed: seed })
  t.deepEqual(settingsOf({ SIGNET_NATS_NKEY: '/run/nk' }).gateway.auth, { nkeyFile: '/run/nk' })
})

test('a password and a token may be in files, and are there or here', (t) => {
  const { gateway, keptn } = settingsOf({
    SIGNET_NATS_USER: 'ann',
    SIGNET_NATS_PASSWORD_FILE: '/run/password',
    KEPTN_NATS_TOKEN_FILE: '/run/token',
  })
  t.deepEqual(gateway.auth, { user: 'ann', passwordFile: '/run/password' })
  t.deepEqual(keptn.auth, { tokenFile: '/run/token' })
  const both = { SIGNET_NATS_PASSWORD: 'x', SIGNET_NATS_PASSWORD_FILE: '/run/password' }
  for (const [environment, mistake] of [
    [
      { SIGNET_NATS_USER: 'ann', ...both },
      /SIGNET_NATS_PASSWORD and SIGNET_NATS_PASSWORD_FILE: exclude each other/,
    ],
    [{ SIGNET_NATS_PASSWORD_FILE: '/x' }, /SIGNET_NATS_PASSWORD_FILE.*SIGNET_NATS_USER is not/],
    [
      { KEPTN_NATS_TOKEN: 'x', KEPTN_NATS_TOKEN_FILE: '/x' },
      /KEPTN_NATS_TOKEN and KEPTN_NATS_TOKEN_FILE: exclude each other/,
    ],
  ] as const)
    t.regex(mistakesOf(environment).join('\n'), mistake)
})

test('a file nests groups, and takes lists and maps as YAML has them', (t) => {
  const settings = settingsOf(
    {},
    {},
    [
      'gateway: { url: [nats://a, nats://b], user: u, password: 012 }',
      'keptnServices: { resource-service: "http://r:1/" }',
      'distributor:',
      '  topics: [sh.keptn.event.test.triggered]',
    ].join('\n'),
  )
  t.deepEqual(settings.gateway.urls, ['nats://a', 'nats://b'])
  t.is(settings.gateway.auth.password, '012')
  t.is(settings.keptnServices['resource-service'], 'http://r:1')
  t.is(settings.keptnServices['api-service'], 'http://api-service:8080')
  t.deepEqual(settings.distributor.topics, ['sh.keptn.event.test.triggered'])
})

test('the variables of a distributor keep their meaning', (t) => {
  const { api, distributor, httpPort } = settingsOf({
    KEPTN_API_ENDPOINT: 'https://keptn.example/api/',
    HTTP_SSL_VERIFY: 'False',
    HTTP_POLLING_INTERVAL: '5',
    API_PROXY_PORT: '8090',
    API_PROXY_MAX_PAYLOAD_BYTES_KB: '128',
    PUBSUB_TOPIC: 'sh.keptn.event.a.triggered, sh.keptn.>,',
    OAUTH_SCOPES: 'x,y',
  })
  t.like(api, {
    endpoint: 'https://keptn.example/api',
    verifyTls: false,
    pollingIntervalMs: 5_000,
    oauthScopes: ['x', 'y'],
  })
  t.is(distributor.maxPayloadBytes, 131_072)
  t.deepEqual(distributor.topics, ['sh.keptn.event.a.triggered', 'sh.keptn.>'])
  t.is(httpPort, 8_090)
})

test('everything wrong is told at once, where it was said', (t) => {
  const told = mistakesOf(
    {
      SIGNET_STAMP: 'EU',
      SIGNET_DRAIN: '5',
      SIGNET_NATS_URL: 'http://gateway',
      KEPTN_NATS_USER: 'u',
      SIGNET_HTTP_PORT: '9090',
      SIGNET_KEPTN_SERVICES: 'resource=http://x',
    },
    { inFlight: '0' },
    'adminPort: 123456\ngateway:\n  urls: x\nretention: { a: [1] }\n',
  )
  t.deepEqual(
    told.map((line) => line.split(': ')[0] ?? '').sort((a, b) => (a < b ? -1 : 1)),
    [
      '--in-flight',
      'KEPTN_NATS_USER',
      'SIGNET_DRAIN',
      'SIGNET_KEPTN_SERVICES',
      'SIGNET_NATS_URL',
      'SIGNET_STAMP',
      'signet.yaml:1:1 adminPort',
      'signet.yaml:3:3 gateway.urls',
      'signet.yaml:4:1 retention',
    ],
  )
})

test('what does not go together is refused', (t) => {
  t.deepEqual(mistakesOf({ SIGNET_STAMP: '' }), ['SIGNET_STAMP: is missing'])
  t.deepEqual(mistakesOf({ SIGNET_HTTP_PORT: '9090' }), [
    'SIGNET_ADMIN_PORT: is 9090, as SIGNET_HTTP_PORT is already',
  ])
  t.deepEqual(mistakesOf({ SIGNET_HTTP_PORT: '0', SIGNET_ADMIN_PORT: '0' }), [])
  t.deepEqual(mistakesOf({ SIGNET_NATS_CREDS: 'a', SIGNET_NATS_TOKEN: 'b' }), [
    'SIGNET_NATS_CREDS and SIGNET_NATS_TOKEN: exclude each other',
  ])
  t.deepEqual(mistakesOf({ SIGNET_NATS_TLS_CERT: 'a' }), [
    'SIGNET_NATS_TLS_CERT: is set, and SIGNET_NATS_TLS_KEY is not',
  ])
  t.deepEqual(mistakesOf({ SIGNET_NATS_URL: 'nats://a:b@x,nats://c:d@y' }), [
    'SIGNET_NATS_URL: carries different credentials for its servers; use one set',
  ])
})

test('a service link of Kubernetes is no port', (t) => {
  const parsed = parseSettings({ ...STAMP, SIGNET_HTTP_PORT: 'tcp://10.0.0.7:80' })
  t.true(parsed.ok && parsed.settings.httpPort === 8_081)
  t.is(parsed.warnings.length, 1)
})

test('a misspelt variable is told, and what Kubernetes sets for a Service is not', (t) => {
  const { warnings } = parseSettings({
    ...STAMP,
    SIGNET_DRIAN: '3s',
    SIGNET_SERVICE_HOST: '10.0.0.7',
    SIGNET_SERVICE_PORT: '8080',
    SIGNET_PORT_8081_TCP_PROTO: 'tcp',
  })
  t.deepEqual(warnings, ['"SIGNET_DRIAN" is no setting; did you mean "SIGNET_DRAIN"?'])
})

const secret = fc.stringMatching(/^[A-Za-z0-9]{12,20}$/).map((text) => `s3cr3t${text}`)

testProp('no secret is ever described or told', [secret, fc.boolean()], (t, hidden, isBroken) => {
  const environment = {
    SIGNET_STAMP: isBroken ? 'not a name' : 'a',
    SIGNET_NATS_URL: `nats://someone:${hidden}@host${isBroken ? '/path' : ''}`,
    KEPTN_NATS_TOKEN: hidden,
    KEPTN_API_TOKEN: hidden,
    KEPTN_API_ENDPOINT: `${isBroken ? 'ftp' : 'http'}://u:${hidden}@host/api`,
    OAUTH_CLIENT_SECRET: hidden,
  }
  const parsed = parseSettings(
    environment,
    {},
    { path: 'f', text: `gateway: {token: [[${hidden}]]}` },
  )
  const clean = parseSettings(environment)
  const told = clean.ok ? describeSettings(clean.settings) : clean
  t.false(JSON.stringify(told).includes(hidden))
  t.false(parsed.ok)
  t.false(JSON.stringify(parsed).includes(hidden))
  t.is(clean.ok, !isBroken)
})

testProp(
  'no environment, flags or file make it throw',
  [
    fc.dictionary(
      fc.constantFrom(
        ...settingGroups.flatMap(({ table }) => Object.values(table).flatMap((it) => it.variables)),
      ),
      fc.string({ unit: 'binary' }),
    ),
    fc.dictionary(fc.constantFrom('drain', 'gatewayUrl', 'httpPort'), fc.anything()),
    fc.oneof(fc.string(), fc.json()),
  ],
  (t, environment, flags, text) => {
    t.notThrows(() => parseSettings(environment, flags, { path: 'f', text }))
  },
)

test('an unreadable settings file and a wrong setting are SIGNET_CONFIG_INVALID', async (t) => {
  const missing = await t.throwsAsync(loadSettings({ ...STAMP, SIGNET_CONFIG: 'no/such.yaml' }))
  t.true(isSignetError(missing, 'SIGNET_CONFIG_INVALID'))
  const wrong = await t.throwsAsync(loadSettings({ SIGNET_DRAIN: 'soon' }))
  t.true(isSignetError(wrong, 'SIGNET_CONFIG_INVALID'))
  t.regex(wrong?.message ?? '', /2 mistakes:\n {2}SIGNET_DRAIN: .*\n {2}SIGNET_STAMP: is missing/)
})

test('a stamp is found in the topology, as a target or as a home, or its nearest is named', async (t) => {
  const { topology } = await loadTopology('topology')
  const target = stampInTopology(topology, { stamp: 'eu-canary-1' })
  t.like(target, { ok: true, stamp: { ring: 'canary' }, homeOf: [] })
  const home = stampInTopology(topology, { stamp: 'us-core-1' })
  t.true(home.ok && home.stamp === undefined && home.homeOf[0]?.name === 'payments')
  const slip = stampInTopology(topology, { stamp: 'eu-canry-1' })
  t.regex(slip.ok ? '' : slip.message, /did you mean "eu-canary-1"/)
})

test('a stamp that no ring file lists says where it stands, and its mistakes are told', async (t) => {
  const { topology } = await loadTopology('topology')
  const found = (stamp: string, geo?: string, ring?: string) =>
    stampInTopology(topology, { stamp, geo, ring })
  const message = (...args: Parameters<typeof found>): string => {
    const it = found(...args)
    return it.ok ? '' : it.message
  }
  const joining = found('eu-canary-9', 'eu', 'canary')
  t.like(joining, { ok: true, stamp: { name: 'eu-canary-9', geo: 'eu', ring: 'canary' } })
  t.is(joining.ok && joining.doubt, undefined)
  // The hub decides: its topology may be a newer one.
  const doubtful = found('zebra', 'eu', 'canary')
  t.regex((doubtful.ok && doubtful.doubt) || '', /not let in: no ring file allows its name there/)
  t.regex(message('zebra'), /set SIGNET_GEO and SIGNET_RING/)
  t.regex(message('zebra', 'eu'), /SIGNET_GEO is set without SIGNET_RING/)
  t.regex(message('zebra', undefined, 'canary'), /SIGNET_RING is set without SIGNET_GEO/)
  t.regex(message('zebra', 'ue', 'canary'), /SIGNET_GEO is "ue".*no such geo/)
  t.regex(message('zebra', 'eu', 'canry'), /SIGNET_RING is "canry".*did you mean "canary"/)
  t.regex(message('eu-canary-1', 'us', 'canary'), /in eu\/canary, and SIGNET_GEO and SIGNET_RING/)
})
