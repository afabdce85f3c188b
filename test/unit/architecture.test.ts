import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import test from 'ava'

// What each folder of src may import: its own files, and those listed. The table is the architecture.
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: ['errors'],
  config: ['domain', 'errors', 'yaml', 'zod', 'node:'],
  tunnel: ['domain', 'errors', 'https', 'links', 'observe', 'runtime', 'node:'],
  runtime: ['domain', 'errors', 'links/delivery', 'links/term'],
  links: ['domain', 'errors', 'runtime/abort', 'runtime/clock', '@nats-io/', 'node:'],
  observe: [
    'domain',
    'errors',
    'lru-cache',
    'prom-client',
    'pino',
    '@opentelemetry/',
    'node:crypto',
  ],
  http: [
    'domain',
    'errors',
    'runtime/lifecycle',
    'observe',
    'fastify',
    'cloudevents',
    'stamp/registrations',
    'tunnel',
    'node:',
  ],
  flow: ['domain', 'errors', 'links', 'observe', 'runtime', 'lru-cache', 'node:'],
  https: ['domain', 'errors', 'lru-cache', 'undici', 'yaml', 'node:'],
  stamp: [
    'domain',
    'errors',
    'links',
    'https',
    'observe',
    'runtime',
    'flow',
    'tunnel/keptn-caller',
    'lru-cache',
    'node:',
  ],
  distributor: [
    'domain',
    'errors',
    'http',
    'https',
    'links',
    'lru-cache',
    'observe',
    'runtime',
    'tunnel',
    'fastify',
    'node:',
  ],
  hub: ['domain', 'errors', 'links', 'observe', 'runtime', 'flow', 'lru-cache', 'node:'],
  view: ['domain', 'errors'],
  // Judging facts is pure; only the probes ask anybody.
  'doctor/groups': ['doctor/check', 'doctor/facts', 'doctor/store-facts', 'domain'],
  'doctor/probes': [
    'doctor/facts',
    'doctor/store-facts',
    'domain',
    'errors',
    'config',
    'links',
    'https',
    'runtime',
    'flow',
    'hub/hub',
    'stamp/collect',
    'node:',
  ],
  doctor: [
    'domain',
    'errors',
    'config',
    'links',
    'https',
    'runtime',
    'flow',
    'hub/hub',
    'stamp/collect',
    'view/line',
    'node:',
  ],
  commands: [
    'doctor',
    'tunnel',
    'domain',
    'errors',
    'config',
    'agent',
    'distributor',
    'observe',
    'links/control-client',
    'links/nkey-seeds',
    // An event crosses a border by the same lines as in the agent.
    'flow/residency',
    'view',
    'demo',
    'node:',
  ],
}

const IMPORT = /(?:\bfrom|^import|\bimport\() ?'([^']+)'/gm

async function importsOf(folder: string): Promise<readonly { file: string; target: string }[]> {
  const found: { file: string; target: string }[] = []
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const file = join(folder, name)
    for (const [, specifier = ''] of (await readFile(file, 'utf8')).matchAll(IMPORT)) {
      const isOwn = specifier.startsWith('.')
      const target = isOwn ? relative('src', resolve(file, '..', specifier)) : specifier
      found.push({ file, target })
    }
  }
  return found
}

for (const [layer, allowed] of Object.entries(MAY_IMPORT)) {
  test(`${layer} imports nothing but itself and ${allowed.join(', ')}`, async (t) => {
    const imports = await importsOf(join('src', layer))
    t.true(imports.length > 0, 'the layer is there')
    for (const { file, target } of imports) {
      const fine = [`${layer}/`, ...allowed].some((prefix) => target.startsWith(prefix))
      t.true(fine, `${file} imports ${target}`)
    }
  })
}

test('only the demo and its command know the doubles', async (t) => {
  for (const { file, target } of await importsOf('src')) {
    if (!target.startsWith('demo/')) continue
    const isDemo =
      file.startsWith(join('src', 'demo')) || file === join('src', 'commands', 'demo.ts')
    t.true(isDemo, `${file} imports ${target}`)
  }
})

test('the domain has neither clock nor randomness', async (t) => {
  for (const name of await readdir('src/domain', { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const text = await readFile(join('src/domain', name), 'utf8')
    t.notRegex(text, /Date\.now|new Date\(\)|Math\.random|performance\.now|process\./, name)
  }
})

test('OpenTelemetry is loaded by one file, and that only when it is needed', async (t) => {
  const users = (await importsOf('src')).filter(({ target }) =>
    target.startsWith('@opentelemetry/'),
  )
  t.deepEqual([...new Set(users.map(({ file }) => file))], ['src/observe/otlp-tracing.ts'])
  const loaders = (await importsOf('src')).filter(({ target }) =>
    target.endsWith('otlp-tracing.ts'),
  )
  t.deepEqual(
    loaders.map(({ file }) => file),
    ['src/commands/agent.ts'],
  )
  const text = await readFile('src/commands/agent.ts', 'utf8')
  t.regex(text, /await import\('\.\.\/observe\/otlp-tracing\.ts'\)/)
})
