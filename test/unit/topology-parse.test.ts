import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { stringify } from 'yaml'
import { loadTopology, readTopology } from '../../src/config/topology-load.ts'
import { parseTopology } from '../../src/config/topology-parse.ts'
import { NAME_PATTERN } from '../../src/config/topology-schema.ts'
import { isName } from '../../src/domain/name.ts'
import type { Topology } from '../../src/domain/topology.ts'
import { taskPolicy } from '../../src/domain/topology.ts'
import { isSignetError } from '../../src/errors.ts'

const FEDERATION = `apiVersion: signet/v1
kind: Federation
name: acme
controlPlanes: [{ name: main, home: { geo: eu, stamp: core } }]
rings: [canary, broad]
stages: [{ stage: dev, rings: [canary] }]
`
const GEO = `---
apiVersion: signet/v1
kind: Geo
geo: eu
`
const RING = `---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: canary
stamps: [{ name: one }]
`
const WHOLE = FEDERATION + GEO + RING

function parsed(text: string): Topology {
  const result = parseTopology([{ path: 'all.yaml', text }])
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes))
  return result.topology
}

function told(text: string): readonly string[] {
  const result = parseTopology([{ path: 'all.yaml', text }])
  if (result.ok) return []
  return result.mistakes.map(
    ({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`,
  )
}

const ringFile = (geo: string, name: string) =>
  `apiVersion: signet/v1\nkind: Ring\ngeo: ${geo}\nring: ${name}\nstamps: [{ name: ${geo}-${name} }]\n`
const geoFile = (name: string) => `apiVersion: signet/v1\nkind: Geo\ngeo: ${name}\n`

const toldOfStages = (rules: string) =>
  told(WHOLE.replace('stages: [{ stage: dev, rings: [canary] }]', `stages: [${rules}]`))
const stageRule = (stage: string, project?: string) =>
  `{ stage: "${stage}", rings: [canary]${project === undefined ? '' : `, project: "${project}"`} }`

test('the example has three geos, three rings and twelve stamps, and homes besides', async (t) => {
  const { topology, warnings } = await loadTopology('topology')
  t.is(topology.geos.length, 3)
  t.is(topology.rings.length, 3)
  t.is(topology.stamps.length, 12)
  t.deepEqual(warnings, [])
  const homes = new Set(topology.controlPlanes.map(({ home }) => home.stamp))
  t.false(topology.stamps.some(({ name }) => homes.has(name)))
})

test('a federation fits into one file, and what is left out has its default', (t) => {
  const topology = parsed(WHOLE)
  t.deepEqual(topology, {
    federation: 'acme',
    controlPlanes: [
      { name: 'main', home: { geo: 'eu', stamp: 'core' }, projects: ['*'], storeDomain: 'hub' },
    ],
    rings: ['canary', 'broad'],
    stages: [{ stage: 'dev', rings: ['canary'] }],
    tasks: {
      default: {
        select: 'all',
        success: 'all',
        startTimeoutMs: 300_000,
        finishTimeoutMs: 7_200_000,
        offline: 'wait',
        missing: 'report',
      },
      named: {},
    },
    geos: [{ name: 'eu', residency: { leave: 'allow', allow: [] } }],
    stamps: [{ name: 'one', geo: 'eu', ring: 'canary', link: 'auto', labels: {}, handles: [] }],
  })
  t.throws(() => (topology.stamps as unknown[]).push('two'), { instanceOf: TypeError })
  t.throws(() => Object.assign(topology.tasks.default, { select: 'one' }), {
    instanceOf: TypeError,
  })
})

test('what a task leaves unsaid, the default says, and what that leaves, DESIGN 5', (t) => {
  const topology = parsed(
    FEDERATION +
      'tasks: { default: { success: 80%, offline: skip }, test: { offline: fail, startTimeout: 1m30s } }\n' +
      GEO +
      RING,
  )
  t.like(taskPolicy(topology, 'deployment'), {
    success: { percent: 80 },
    offline: 'skip',
    select: 'all',
  })
  t.like(taskPolicy(topology, 'test'), {
    success: { percent: 80 },
    offline: 'fail',
    startTimeoutMs: 90_000,
    finishTimeoutMs: 7_200_000,
    missing: 'report',
  })
  t.like(taskPolicy(topology, 'constructor'), { offline: 'skip' })
})

test('a stamp has the handles of its ring, unless it has its own', (t) => {
  const topology = parsed(
    `${FEDERATION}${GEO}---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: canary
handles: [deployment]
stamps: [{ name: one }, { name: two, handles: [test] }, { name: three, handles: [] }]
`,
  )
  t.deepEqual(
    topology.stamps.map(({ handles }) => handles),
    [['deployment'], ['test'], []],
  )
})

test('join and rollout are kept', (t) => {
  const topology = parsed(
    `${WHOLE}join: { allow: ["eu-*"] }
rollout: { concurrency: 2, soak: 1m, deadline: 1h }
`,
  )
  t.deepEqual(topology.geoRings, [
    {
      geo: 'eu',
      ring: 'canary',
      join: { allow: ['eu-*'], approve: 'manual' },
      rollout: {
        concurrency: { stamps: 2 },
        soakMs: 60_000,
        maxFailures: 0,
        deadlineMs: 3_600_000,
      },
    },
  ])
})

test('stamps stand in release order, whatever the files are called', (t) => {
  const texts = [
    FEDERATION,
    geoFile('eu'),
    geoFile('ap'),
    ringFile('eu', 'broad'),
    ringFile('ap', 'broad'),
    ringFile('eu', 'canary'),
  ]
  const forwards = parseTopology(texts.map((text, index) => ({ path: `${index}.yaml`, text })))
  const backwards = parseTopology(
    texts.toReversed().map((text, index) => ({ path: `${index}.yaml`, text })),
  )
  t.true(forwards.ok && backwards.ok)
  if (!forwards.ok || !backwards.ok) return
  t.deepEqual(
    forwards.topology.stamps.map(({ name }) => name),
    ['eu-canary', 'ap-broad', 'eu-broad'],
  )
  t.deepEqual(forwards.topology, backwards.topology)
})

test('no federation, no stamp and no file at all are mistakes', async (t) => {
  t.deepEqual(told(GEO + RING), ['0:0 : no document of kind Federation'])
  t.deepEqual(told(FEDERATION + GEO), ['2:7 kind: the federation has no stamp, and none may join'])
  const nowhere = await readTopology('no/such/folder')
  t.true(!nowhere.ok && nowhere.mistakes[0]?.hint === 'it does not exist')
})

test('a rule that an earlier one covers is a mistake, a narrower one before it is none', (t) => {
  t.is(toldOfStages(`${stageRule('prod-*')}, ${stageRule('prod-eu', 'shop')}`).length, 1)
  t.is(toldOfStages(`${stageRule('*')}, ${stageRule('prod-*')}`).length, 1)
  t.is(toldOfStages(`${stageRule('dev', 'shop')}, ${stageRule('dev', 'shop')}`).length, 1)
  t.deepEqual(toldOfStages(`${stageRule('prod-eu', 'shop')}, ${stageRule('prod-*')}`), [])
  t.deepEqual(toldOfStages(`${stageRule('*', 'shop')}, ${stageRule('prod')}`), [])
  t.deepEqual(toldOfStages(`${stageRule('*-eu')}, ${stageRule('prod-*')}`), [])
})

test('a warning stands in nobody’s way', (t) => {
  const result = parseTopology([{ path: 'a.yaml', text: WHOLE.replace('one', 'core') }])
  t.true(result.ok)
  t.deepEqual(
    result.warnings.map(({ message }) => message),
    [
      'no geo has a ring "broad"',
      'stamp "core" is the home of a control plane, and so never a target',
    ],
  )
})

test('what a mistake of syntax may have swallowed is not called missing', (t) => {
  const result = parseTopology([
    { path: 'federation.yaml', text: FEDERATION },
    { path: 'geo.yaml', text: 'kind: Geo\nresidency: {\ngeo: eu\n' },
    { path: 'ring.yaml', text: RING.replace('canary', 'canry') },
  ])
  t.false(result.ok)
  const messages = result.ok ? [] : result.mistakes.map(({ message }) => message)
  t.true(messages.includes('there is no ring "canry"'))
  t.false(messages.some((message) => message.includes('no geo')))
})

test('a ConfigMap’s hidden copies, other files and links in a circle do no harm', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'signet-topology-'))
  try {
    await mkdir(join(dir, '..2024'))
    await writeFile(join(dir, '..2024', 'all.yaml'), WHOLE)
    await symlink('..2024', join(dir, '..data'))
    await symlink(join('..data', 'all.yaml'), join(dir, 'all.yml'))
    await symlink('.', join(dir, 'again'))
    await writeFile(join(dir, 'README.md'), '}')
    const { topology } = await loadTopology(dir)
    t.is(topology.stamps.length, 1)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('loading a broken folder throws once, with a line for every mistake', async (t) => {
  const error = await t.throwsAsync(loadTopology('test/fixtures/topology/broken'))
  t.true(isSignetError(error, 'SIGNET_TOPOLOGY_INVALID'))
  if (!isSignetError(error)) return
  const lines = error.message.split('\n')
  t.is(lines.length - 1, (error.details['mistakes'] as unknown[]).length)
  t.regex(
    lines[1] ?? '',
    /^ {2}test\/fixtures\/topology\/broken\/eu\/canary-again\.yml:1:13 {2}apiVersion: /,
  )
})

const anyDocument = fc.record(
  {
    apiVersion: fc.constant('signet/v1'),
    kind: fc.constantFrom('Federation', 'Geo', 'Ring'),
    name: fc.anything(),
    geo: fc.oneof(fc.string(), fc.anything()),
    ring: fc.oneof(fc.string(), fc.anything()),
    rings: fc.oneof(fc.array(fc.string()), fc.anything()),
    stages: fc.oneof(
      fc.array(fc.record({ stage: fc.string(), rings: fc.anything() })),
      fc.anything(),
    ),
    controlPlanes: fc.oneof(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), fc.anything()),
    tasks: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.anything()),
    stamps: fc.oneof(
      fc.array(fc.dictionary(fc.constantFrom('name', 'labels', 'link'), fc.jsonValue())),
    ),
    residency: fc.anything(),
  },
  { requiredKeys: ['kind'] },
)

function yamlOf(value: unknown): string {
  try {
    return stringify(value)
  } catch {
    return JSON.stringify(value)
  }
}

testProp(
  'no text makes the parser throw, and every mistake has a place in its file',
  [
    fc.array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.stringMatching(/^[-\w:[\]{}&*!|>'"%@`#, \n\t]*$/),
        anyDocument.map(yamlOf),
        fc
          .tuple(fc.nat(WHOLE.length), fc.string())
          .map(([at, text]) => WHOLE.slice(0, at) + text + WHOLE.slice(at)),
      ),
      { maxLength: 4 },
    ),
  ],
  (t, texts) => {
    const result = parseTopology(texts.map((text, index) => ({ path: `${index}.yaml`, text })))
    for (const { file, line, column } of result.ok ? [] : result.mistakes) {
      const lines = texts[Number.parseInt(file, 10)]?.split(/\r?\n/) ?? []
      t.true(file === '' ? line === 0 : line >= 1 && line <= lines.length && column >= 1)
    }
    t.pass()
  },
)

test('what is nested without end, or multiplies without end, is a mistake and no crash', (t) => {
  t.true(told('['.repeat(200_000)).length > 0)
  t.true(told('{a: '.repeat(20_000)).length > 0)
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let index = 0; index < 12; index += 1) {
    const [from, to] = [String.fromCharCode(97 + index), String.fromCharCode(98 + index)]
    bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`)
  }
  t.true(told(bomb.join('\n')).length > 0)
})

testProp(
  'the schema and the domain agree on names',
  [fc.stringMatching(/^[a-zA-Z0-9_.-]{0,66}$/)],
  (t, text) => {
    t.is(NAME_PATTERN.test(text), isName(text))
  },
)
