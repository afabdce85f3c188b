import test from 'ava'
import { example, refusal } from '../support/helm.ts'
import { mistakesOf } from '../support/kubernetes-schema.ts'

/** Wrong values over an example: what is set, and what is said of it. */
const WRONG: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  ['no stamp', 'stamp', ['stamp='], /stamp is missing: set it to the name of this stamp/],
  ['a stamp that is no name', 'stamp', ['stamp=US_1'], /stamp/],
  ['a value that is none', 'stamp', ['gatewey.url=nats://a'], /gatewey/],
  ['a setting that is none', 'stamp', ['settings.inflight=9'], /inflight/],
  ['a setting of the chart', 'stamp', ['settings.drain=9s'], /drain/],
  ['a secret as a setting', 'stamp', ['settings.gateway.password=x'], /gateway/],
  [
    'home without a store',
    'home',
    ['hubStore.enabled=false'],
    /home without a hub store: set hubStore\.enabled/,
  ],
  ['two stores', 'home', ['hubStore.external=true'], /are both set/],
  [
    'a store that hangs on nothing',
    'home',
    ['hubStore.leaf.hosts=null'],
    /hubStore\.leaf\.hosts is missing/,
  ],
  ['three servers without a password', 'home', ['hubStore.accountsSecret='], /NATS_PASSWORD_ROUTE/],
  [
    'accounts of a store without a secret',
    'home',
    ['hubStore.replicas=1', 'hubStore.accountsSecret=', 'hubStore.accounts=x'],
    /hubStore\.accounts without hubStore\.accountsSecret/,
  ],
  ['two servers', 'home', ['hubStore.replicas=2'], /replicas/],
  ['home over https', 'home', ['link=https'], /home\.enabled with link https/],
  ['a Keptn NATS at home', 'home', ['keptnNats.enabled=true'], /keptnNats\.enabled at home/],
  ['home that joins', 'home', ['join.geo=eu', 'join.ring=canary'], /join at home/],
  [
    'integrations in the namespace of Keptn',
    'home',
    ['integrations.namespaces={keptn}'],
    /where Keptn runs/,
  ],
  ['a store in a stamp', 'stamp', ['hubStore.enabled=true'], /a hub store outside the home stamp/],
  [
    'Keptn in a stamp',
    'stamp',
    ['keptn.namespace=keptn'],
    /keptn\.namespace outside the home stamp/,
  ],
  ['no Keptn NATS', 'stamp', ['keptnNats.enabled=false'], /this stamp has no Keptn NATS/],
  [
    'two Keptn NATS',
    'stamp',
    ['keptn.url=nats://a:4222'],
    /keptnNats\.enabled and keptn\.url are both set/,
  ],
  ['a geo without a ring', 'stamp', ['join.geo=us'], /join\.geo and join\.ring belong together/],
  [
    'https with a gateway',
    'stamp-https',
    ['gateway.url=nats://a:4222'],
    /gateway\.url with link https/,
  ],
  [
    'https with credentials of a gateway',
    'stamp-https',
    ['gateway.auth.method=token', 'gateway.auth.secret=x'],
    /gateway\.auth or gateway\.tls with link https/,
  ],
  [
    'https to nowhere',
    'stamp-https',
    ['keptnApi.endpoint='],
    /link https without keptnApi\.endpoint/,
  ],
  [
    'an API without a token',
    'stamp-https',
    ['keptnApi.tokenSecret='],
    /keptnApi\.endpoint without keptnApi\.tokenSecret/,
  ],
  ['no topology', 'stamp', ['topology.files=null'], /the topology is missing/],
  ['two topologies', 'stamp', ['topology.existingConfigMap=x'], /are both set/],
  [
    'a topology that agents would not read',
    'stamp',
    ['topology.files.eu=x'],
    /names end with \.yaml/,
  ],
  [
    'a method without its Secret',
    'stamp',
    ['gateway.auth.secret='],
    /gateway\.auth\.secret is missing/,
  ],
  ['a Secret without its method', 'stamp', ['keptn.auth.secret=x'], /keptn\.auth\.method is none/],
  [
    'a certificate without its Secret',
    'stamp',
    ['gateway.tls.mutual=true'],
    /gateway\.tls\.mutual without/,
  ],
  [
    'credentials in a URL',
    'stamp',
    ['gateway.url=nats://me:pass@a:4222'],
    /they would stand in a ConfigMap/,
  ],
  [
    'credentials in a recipient',
    'stamp',
    [
      'settings.integrations[0].name=a',
      'settings.integrations[0].namespace=b',
      'settings.integrations[0].topics={sh.keptn.>}',
      'settings.integrations[0].recipient=http://me:pass@a',
    ],
    /use existingSettingsSecret/,
  ],
  ['settings twice', 'stamp', ['settings.inFlight=9', 'existingSettingsSecret=x'], /are both set/],
  [
    'a pod that is killed while it drains',
    'stamp',
    ['terminationGracePeriodSeconds=20'],
    /killed while they drain/,
  ],
  ['a variable of the chart', 'stamp', ['extraEnv[0].name=NATS_URL'], /extraEnv has NATS_URL/],
]

for (const [title, values, set, said] of WRONG) {
  test(`${title} is refused, and it is said why`, async (t) => {
    const found = await refusal(...example(values), ...set.flatMap((it) => ['--set', it]))
    t.regex(found ?? 'nothing', said)
    t.notRegex(found ?? '', /me:pass/)
  })
}

test('the schema of a kind finds keys that it lacks, and values of the wrong kind', async (t) => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'b' },
    spec: { ports: [{ name: 'c', port: 1, targetPort: 'd' }] },
  }
  t.deepEqual(await mistakesOf(service), [])
  const misspelt = { ...service, spec: { ...service.spec, selecter: {} } }
  t.deepEqual(await mistakesOf(misspelt), ['/spec/selecter is no key'])
  const wrong = { ...service, spec: { ports: [{ name: 'c', port: '1', targetPort: 'd' }] } }
  t.regex(String(await mistakesOf(wrong as never)), /port/)
  t.regex(String(await mistakesOf({ ...service, kind: 'Serivce' })), /no schema/)
})
