import { access, readdir, readFile } from 'node:fs/promises'
import test from 'ava'
import { parse } from 'yaml'
import { z } from 'zod'
import { chartReadme } from '../../scripts/chart-readme.ts'
import { CHART, chartSchema, isOfTheChart, SETTINGS } from '../../scripts/chart-schema.ts'

// What can be said of the chart and the image without helm and without an engine; `npm run test:chart` says the rest.

const textOf = (path: string): Promise<string> => readFile(path, 'utf8')
const { version, engines } = JSON.parse(await textOf('package.json')) as {
  version: string
  engines: { node: string }
}

test('the README and the schema of the chart are what values and settings say', async (t) => {
  t.is(await textOf(`${CHART}/README.md`), await chartReadme())
  t.is(await textOf(`${CHART}/values.schema.json`), await chartSchema())
})

interface Node {
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
}

function nodesOf(node: Node): readonly Node[] {
  const inner = [
    ...Object.values(node.properties ?? {}),
    ...(typeof node.additionalProperties === 'object' ? [node.additionalProperties] : []),
    ...(node.items === undefined ? [] : [node.items]),
  ]
  return [node, ...inner.flatMap(nodesOf)]
}

test('the schema of the values fits the values, knows each, and helm can read it', async (t) => {
  const schema = JSON.parse(await textOf(`${CHART}/values.schema.json`)) as Node
  const values: unknown = parse(await textOf(`${CHART}/values.yaml`))
  const accepts = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
  t.deepEqual(accepts.safeParse(values).error?.issues, undefined)
  t.deepEqual(
    Object.keys(values as object),
    Object.keys(schema.properties ?? {}).filter((name) => name !== 'global'),
  )
  for (const { pattern } of nodesOf(schema))
    if (pattern !== undefined) t.notRegex(pattern, /\(\?[=!<]/, 'Go knows no look-ahead')

  const examples = (await readdir('deploy/helm')).filter((name) => name.startsWith('values-'))
  t.is(examples.length, 4)
  for (const name of examples) {
    const example: unknown = parse(await textOf(`deploy/helm/${name}`))
    t.deepEqual(accepts.safeParse(example).error?.issues, undefined, name)
  }
  t.false(accepts.safeParse({ stmap: 'a' }).success)
  t.false(accepts.safeParse({ settings: { gateway: { password: 'a' } } }).success)
})

test('the chart refuses the variables that it sets itself, and knows which settings are live', async (t) => {
  const checks = await textOf(`${CHART}/templates/_checks.tpl`)
  const [, listed = ''] = /define "signet.ownVariables" -}}\n(.*)\n/.exec(checks) ?? []
  const own = SETTINGS.filter(isOfTheChart).flatMap(({ variables }) => variables)
  t.deepEqual(listed.split(' ').toSorted(), ['SIGNET_CONFIG', ...own].toSorted())
  const daemonSet = await textOf(`${CHART}/templates/daemonset.yaml`)
  const [, omitted = ''] = /\(omit \.Values\.settings ((?:"\w+" ?)+)\)/.exec(daemonSet) ?? []
  const live = SETTINGS.filter((it) => it.isLive === true && !isOfTheChart(it))
  t.deepEqual(
    omitted.match(/\w+/g),
    live.map(({ name }) => name),
  )
})

test('the chart has the version of the program', async (t) => {
  const chart = parse(await textOf(`${CHART}/Chart.yaml`)) as { appVersion: string }
  t.is(chart.appVersion, version)
})

test('the image is small, runs as a number that is not root, and is made for every processor', async (t) => {
  const lines = (await textOf('deploy/Dockerfile')).split('\n').filter((it) => !it.startsWith('#'))
  const text = lines.join('\n')
  const [, major = '0'] = /^ARG NODE_IMAGE=node:(\d+)-\w+-slim$/m.exec(text) ?? []
  t.true(Number(major) >= Number.parseInt(engines.node.replace('>=', ''), 10))
  t.is(Number(major) % 2, 0, 'a long-term line')
  const images = [...text.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
  t.deepEqual(new Set(images), new Set(['${NODE_IMAGE}']))
  t.true(images.length > 1)
  const last = text.slice(text.lastIndexOf('\nFROM '))
  t.regex(last, /^USER [1-9]\d*:[1-9]\d*$/m)
  t.notRegex(last, /npm ci/)
  t.regex(text, /npm ci --omit=dev/)
  t.notRegex(text, /HEALTHCHECK|TARGETARCH|amd64|arm64|apt-get|ADD http/)
})

test('everything that the image copies is there, and is let through to the build', async (t) => {
  const text = await textOf('deploy/Dockerfile')
  const ignored = (await textOf('.dockerignore')).split('\n')
  t.true(ignored.includes('*'))
  const sources = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, it = '']) =>
    it.split(' '),
  )
  t.true(sources.length > 5)
  for (const source of sources) {
    await t.notThrowsAsync(access(source))
    t.true(ignored.includes(`!${source}`), source)
  }
})

interface KeptnNats {
  readonly fullnameOverride: string
  readonly nats: { readonly limits: { readonly maxPayload: string } }
}

test('the values for Keptn have the name and the limit that the chart has', async (t) => {
  const values = parse(await textOf(`${CHART}/values.yaml`)) as {
    integrations: { natsNames: readonly string[] }
    keptnNats: { maxPayload: number }
    hubStore: { maxPayload: number }
  }
  const now = parse(await textOf('deploy/keptn/values-control-plane.yaml')) as { nats: KeptnNats }
  const before = parse(await textOf('deploy/keptn/values-control-plane-0.16.yaml')) as {
    'control-plane': { nats: KeptnNats }
  }
  t.deepEqual(before['control-plane'].nats, now.nats)
  t.deepEqual([now.nats.fullnameOverride], [...values.integrations.natsNames])
  // nats-server's MB has 1024 * 1024 bytes; a number Helm would write as 1.048576e+06.
  t.is(now.nats.nats.limits.maxPayload, '1MB')
  t.is(values.hubStore.maxPayload, 1_048_576)
  t.is(values.keptnNats.maxPayload, 1_048_576)
})
