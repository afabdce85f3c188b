import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { parseTopologyFiles, readTopologyFiles } from '../../src/config/topology-load.ts'
import { stampInTopology } from '../../src/config/settings-stamp.ts'
import { settingGroups } from '../../src/config/settings-schema.ts'
import { parseSettings } from '../../src/config/settings.ts'
import { example, lint, render } from '../support/helm.ts'
import { layOut } from '../support/kubelet.ts'
import { mistakesOf } from '../support/kubernetes-schema.ts'
import type { Labels, Manifest } from '../support/manifest.ts'
import { containerOf, find, podOf, probesOf } from '../support/manifest.ts'

/** The releases that are looked at: the examples, and one of each that has all that can be switched on. */
const RELEASES: Readonly<Record<string, readonly string[]>> = {
  home: example('home'),
  stamp: example('stamp'),
  'stamp-https': example('stamp-https'),
  'home with everything': [...example('home'), '--values', 'test/fixtures/chart/home.yaml'],
  'stamp with everything': [...example('stamp'), '--values', 'test/fixtures/chart/stamp.yaml'],
}
const SECRETS = {
  'signet-gateway': { password: 'gatewaySecret' },
  'signet-keptn': { 'agent.creds': 'keptnSecret' },
  'signet-tls': { 'ca.crt': 'ca', 'tls.crt': 'crt', 'tls.key': 'key' },
  'keptn-api-token': { 'keptn-api-token': 'apiSecret' },
  'keptn-oauth': { 'client-secret': 'oauthSecret' },
  'signet-store': {
    NATS_PASSWORD_STORE_MAIN: 'storeSecret',
    NATS_PASSWORD_ROUTE: 'routeSecret',
  },
  'signet-keptn-nats': {},
}

for (const [name, args] of Object.entries(RELEASES)) {
  test(`${name}: helm finds nothing to complain of`, async (t) => {
    const { ok, stdout, stderr } = await lint(...args)
    t.true(ok, stdout + stderr)
  })

  test(`${name}: every manifest is what the schema of its kind wants`, async (t) => {
    const manifests = await render(...args)
    t.true(manifests.length > 8)
    for (const manifest of manifests)
      t.deepEqual(await mistakesOf(manifest), [], `${manifest.kind} ${manifest.metadata.name}`)
  })

  test(`${name}: no two manifests are of one name`, async (t) => {
    const names = (await render(...args)).map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`,
    )
    t.deepEqual(names, [...new Set(names)])
    t.true(
      names.every((it) => !it.includes('undefined')),
      'each says its namespace',
    )
  })

  test(`${name}: selectors find pods, and ports and probes lead to ports of theirs`, async (t) => {
    const manifests = await render(...args)
    const pods = manifests.filter(({ spec }) => spec?.template !== undefined).map(podOf)
    const chosenBy = (labels: Labels = {}) =>
      pods.filter((pod) => Object.entries(labels).every(([key, it]) => pod.labels[key] === it))
    for (const { kind, metadata, spec = {} } of manifests) {
      const what = `${kind} ${metadata.name}`
      if (spec.type === 'ExternalName') {
        const [service = '', namespace] = (spec.externalName ?? '').split('.')
        t.is(find(manifests, 'Service', service).metadata.namespace, namespace, what)
        continue
      }
      if (spec.selector === undefined && spec.podSelector === undefined) continue
      if (kind === 'ServiceMonitor') continue
      const labels =
        spec.podSelector ??
        (kind === 'Service' ? { matchLabels: spec.selector as Labels } : spec.selector)
      const [pod, ...others] = chosenBy(labels?.matchLabels)
      t.truthy(pod, `${what} selects a pod`)
      t.deepEqual(others, [], `${what} selects no other`)
      if (pod === undefined) continue
      const ports = new Set(containerOf(pod).ports.map((port) => port.name))
      if (kind === 'Service')
        for (const port of spec.ports ?? []) t.true(ports.has(port.targetPort), what)
      for (const { ports: reached } of spec.ingress ?? [])
        for (const { port } of reached) t.true(ports.has(String(port)), `${what} ${port}`)
    }
    for (const pod of pods)
      for (const { httpGet } of probesOf(containerOf(pod)))
        t.true(containerOf(pod).ports.some((port) => port.name === httpGet.port))
  })

  test(`${name}: what watches is led to the port of the metrics`, async (t) => {
    const manifests = await render(...args)
    const monitor = manifests.find(({ kind }) => kind === 'ServiceMonitor')
    t.is(monitor !== undefined, name.includes('everything'))
    if (monitor === undefined) return
    const labels = monitor.spec?.selector?.matchLabels ?? {}
    const services = manifests.filter(
      ({ kind, metadata, spec }) =>
        kind === 'Service' &&
        Object.entries(labels).every(([key, it]) => metadata.labels?.[key] === it) &&
        spec?.ports?.some((port) => port.name === monitor.spec?.endpoints?.[0]?.port),
    )
    t.deepEqual(
      services.map((it) => it.metadata.name),
      ['signet-admin'],
    )
    t.is(monitor.spec?.endpoints?.[0]?.path, '/metrics')
  })

  test(`${name}: pods are not root, hold no token, and write nowhere`, async (t) => {
    for (const manifest of await render(...args)) {
      if (manifest.spec?.template === undefined) continue
      const { spec } = podOf(manifest)
      t.is(spec.automountServiceAccountToken, false)
      t.is(spec.enableServiceLinks, false)
      t.true(Number(spec.securityContext['runAsUser']) > 0)
      t.is(spec.securityContext['runAsNonRoot'], true)
      const { securityContext } = containerOf({ spec })
      t.is(securityContext['readOnlyRootFilesystem'], true)
      t.is(securityContext['allowPrivilegeEscalation'], false)
      t.deepEqual(securityContext['capabilities'], { drop: ['ALL'] })
    }
  })

  test(`${name}: no secret stands in a manifest, and no secret variable has a value`, async (t) => {
    const manifests = await render(...args)
    t.false(manifests.some(({ kind }) => kind === 'Secret'))
    const secrets = settingGroups.flatMap(({ table }) =>
      Object.values<{ isSecret?: true; variables: readonly string[] }>(table)
        .filter((it) => it.isSecret === true)
        .flatMap((it) => it.variables),
    )
    const files = new Set(['SIGNET_NATS_NKEY', 'KEPTN_NATS_NKEY'])
    for (const manifest of manifests) {
      for (const secret of secrets) t.false(Object.hasOwn(manifest.data ?? {}, secret))
      if (manifest.spec?.template === undefined) continue
      for (const { name: variable, value } of containerOf(podOf(manifest)).env ?? []) {
        if (files.has(variable)) t.regex(value ?? '', /^\/etc\/signet\//)
        else if (secrets.includes(variable)) t.is(value, undefined, variable)
      }
    }
  })

  test(`${name}: settings and topology of the agents are without mistakes`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'signet-chart-'))
    t.teardown(() => rm(dir, { recursive: true }))
    const manifests = await render(...args)
    const { environment } = await layOut(
      manifests,
      find(manifests, 'DaemonSet', 'signet'),
      SECRETS,
      dir,
    )
    const path = environment['SIGNET_CONFIG']
    const file = path === undefined ? undefined : { path, text: await readFile(path, 'utf8') }
    const parsed = parseSettings(environment, {}, file)
    t.deepEqual(parsed.ok ? [] : parsed.mistakes, [])
    t.deepEqual(parsed.warnings, [])
    const known = new Set([
      'SIGNET_CONFIG',
      ...settingGroups.flatMap(({ table }) =>
        Object.values<{ variables: readonly string[] }>(table).flatMap((it) => it.variables),
      ),
    ])
    t.deepEqual(
      Object.keys(environment).filter((variable) => !known.has(variable)),
      [],
      'each variable is a setting',
    )
    const topology = parseTopologyFiles(
      await readTopologyFiles(environment['SIGNET_TOPOLOGY'] ?? ''),
    )
    t.true(topology.ok)
    if (!parsed.ok || !topology.ok) return
    const place = stampInTopology(topology.topology, parsed.settings)
    t.true(place.ok && place.homeOf.length === (name.startsWith('home') ? 1 : 0))
    const grace = podOf(find(manifests, 'DaemonSet', 'signet')).spec.terminationGracePeriodSeconds
    t.true(grace * 1000 > parsed.settings.drainMs)
  })
}

const serviceNames = (manifests: readonly Manifest[], namespace: string): readonly string[] =>
  manifests
    .filter(({ kind, metadata }) => kind === 'Service' && metadata.namespace === namespace)
    .map(({ metadata }) => metadata.name)

const FIXED_NAMES = [
  'shipyard-controller',
  'resource-service',
  'mongodb-datastore',
  'secret-service',
  'api-service',
]

test('a stamp has the names that clients of Keptn dial, wherever its integrations are', async (t) => {
  const manifests = await render(...example('stamp'))
  for (const namespace of ['signet', 'delivery'])
    for (const name of [...FIXED_NAMES, 'keptn-nats'])
      t.true(serviceNames(manifests, namespace).includes(name), `${namespace}/${name}`)
  for (const name of [...FIXED_NAMES, 'signet']) {
    const { spec } = find(manifests, 'Service', name)
    t.is(spec?.internalTrafficPolicy, 'Local', name)
    t.is(spec?.publishNotReadyAddresses, true, `${name}: one that is cut off still answers`)
  }
})

test('the names can be switched off, and at home there are none', async (t) => {
  const off = await render(
    ...example('stamp'),
    '--set-json',
    'integrations.fixedNames=[]',
    '--set-json',
    'integrations.natsNames=[]',
  )
  const home = await render(...example('home'))
  for (const manifests of [off, home])
    for (const name of [...FIXED_NAMES, 'keptn-nats'])
      t.false(manifests.some(({ kind, metadata }) => kind === 'Service' && metadata.name === name))
})

test('a stamp without a gateway is told of none', async (t) => {
  const manifests = await render(...example('stamp-https'))
  const { env = [] } = containerOf(podOf(find(manifests, 'DaemonSet', 'signet')))
  t.false(env.some(({ name }) => name.startsWith('SIGNET_NATS')))
  t.false(Object.hasOwn(find(manifests, 'ConfigMap', 'signet').data ?? {}, 'SIGNET_NATS_URL'))
})

test('what agents take over by themselves replaces no pod, and the rest does', async (t) => {
  const templateOf = async (...more: readonly string[]) => {
    const manifests = await render(...example('stamp'), ...more)
    return find(manifests, 'DaemonSet', 'signet').spec?.template
  }
  const before = await templateOf('--set', 'settings.logLevel=info')
  t.deepEqual(await templateOf('--set', 'settings.logLevel=debug'), before)
  t.deepEqual(
    await templateOf('--set', 'settings.logLevel=info', '--set', 'topology.files.eu\\.yaml=x: y'),
    before,
  )
  t.notDeepEqual(
    await templateOf('--set', 'settings.logLevel=info', '--set', 'settings.inFlight=9'),
    before,
  )
  t.notDeepEqual(
    await templateOf('--set', 'settings.logLevel=info', '--set', 'gateway.url=nats://other:4222'),
    before,
  )
})

test('alerts and dashboards are carried as they are, and runbooks lead to where one can read them', async (t) => {
  const manifests = await render(...(RELEASES['home with everything'] ?? []))
  const rules = parse(await readFile('deploy/prometheus/rules.yaml', 'utf8')) as object
  const text = JSON.stringify(rules).replaceAll('"docs/', '"https://docs.example/docs/')
  t.deepEqual(find(manifests, 'PrometheusRule', 'signet').spec, JSON.parse(text))
  t.true(text.includes('https://docs.example/docs/runbooks.md#'))
  const { data = {} } = find(manifests, 'ConfigMap', 'signet-dashboards')
  const names = (await readdir('deploy/grafana')).filter((name) => name.endsWith('.json'))
  t.deepEqual(Object.keys(data).toSorted(), names.toSorted())
  for (const name of names)
    t.deepEqual(
      JSON.parse(data[name] ?? ''),
      JSON.parse(await readFile(`deploy/grafana/${name}`, 'utf8')),
    )
})

test('topology and settings may come from elsewhere', async (t) => {
  const manifests = await render(
    ...example('stamp'),
    ...[
      'topology.files=null',
      'topology.existingConfigMap=mine',
      'existingSettingsSecret=ours',
    ].flatMap((it) => ['--set', it]),
  )
  const { spec } = podOf(find(manifests, 'DaemonSet', 'signet'))
  const volumeOf = (name: string) => spec.volumes?.find((it) => it.name === name)
  t.is(volumeOf('topology')?.configMap?.name, 'mine')
  t.is(volumeOf('settings')?.secret?.secretName, 'ours')
  const names = manifests
    .filter(({ kind }) => kind === 'ConfigMap')
    .map(({ metadata }) => metadata.name)
  t.false(names.some((name) => /topology|settings/.test(name)))
})
