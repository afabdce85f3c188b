import { execFile } from 'node:child_process'
import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { settingGroups } from '../../src/config/settings-schema.ts'
import { adviceOn } from '../../src/domain/dead-letter.ts'
import { LEASE_BUCKET, REGISTRATIONS_BUCKET, SENDING_BUCKET } from '../../src/domain/store-names.ts'
import { errorTable } from '../../src/errors.ts'
import { Metrics } from '../../src/observe/metrics.ts'

// What the documents say of the program is there. What they say in prose, people have to check.

const PAGES = await pages()
const PAGE_TEXTS = await Promise.all(
  PAGES.map(async (page) => ({ page, text: await readFile(page, 'utf8') })),
)
const textOf = (page: string): string => PAGE_TEXTS.find((it) => it.page === page)?.text ?? ''

async function pages(): Promise<readonly string[]> {
  const docs = await readdir('docs', { recursive: true })
  const below = docs.filter((name) => name.endsWith('.md')).map((name) => join('docs', name))
  return [
    'README.md',
    'CHANGELOG.md',
    'topology/README.md',
    'deploy/helm/signet/README.md',
    ...below,
  ]
}

/** The text without code, in which `[a](b)` and `#` mean something else. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** The text without the targets of its links, whose anchors look like names. */
function withoutLinks(text: string): string {
  return text.replaceAll(/\]\([^)]*\)/g, ']')
}

test('every relative link leads to a file, and to a heading that is there', async (t) => {
  let links = 0
  for (const { page, text } of PAGE_TEXTS) {
    for (const [, target = ''] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links += 1
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), path))
      await t.notThrowsAsync(access(file), `${page} links to ${target}`)
      if (anchor === undefined || !file.endsWith('.md')) continue
      t.true(anchorsOf(await readFile(file, 'utf8')).has(anchor), `${page} links to ${target}`)
    }
  }
  t.true(links > 50, 'links are found at all')
})

/** The anchors that GitHub makes of headings. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)
  return new Set(
    Array.from(headings, ([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('docs/errors.md has every code once, with its exit code and whether to try again', (t) => {
  const sections = [...textOf('docs/errors.md').matchAll(/^### (SIGNET_\w+)\n\n(.*)$/gm)]
  t.deepEqual(
    sections.map(([, code]) => code),
    Object.keys(errorTable),
  )
  for (const [, code = '', line = ''] of sections) {
    const { exit, retry } = errorTable[code as keyof typeof errorTable]
    t.true(line.startsWith(`Exit ${exit}, retry ${retry ? 'yes' : 'no'}. `), `${code}: ${line}`)
  }
})

test('docs/errors.md has every reason of a dead letter', async (t) => {
  const listed = [...textOf('docs/errors.md').matchAll(/^\| `([a-z-]+)`/gm)].map(([, it]) => it)
  const known = new Set(await malformed())
  for (const [, text] of await sourcesOf('src')) {
    const stored = text.matchAll(/(?:\.store|setAside)\(\s*[\w.']+,\s*[\w.]+,\s*'([a-z-]+)'/g)
    for (const [, reason = ''] of stored) known.add(reason)
  }
  t.true(known.size > 20, 'reasons are found at all')
  t.is(new Set(listed).size, listed.length)
  t.deepEqual(inOrder(listed), inOrder([...known]))
  const broken = new Set(await malformed())
  for (const reason of known) {
    // What `signet dlq show` says of it.
    const isMalformed = adviceOn(reason).startsWith('It is malformed')
    t.is(isMalformed, broken.has(reason), reason)
  }
})

function inOrder(words: readonly (string | undefined)[]): readonly (string | undefined)[] {
  return words.toSorted((a = '', b = '') => a.localeCompare(b))
}

async function malformed(): Promise<readonly string[]> {
  const source = await readFile('src/domain/event.ts', 'utf8')
  const union = /export type Malformed =\n((?: {2}\| '[a-z-]+'\n)+)/.exec(source)?.[1] ?? ''
  return [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason = '']) => reason)
}

test('every guarantee of docs/delivery.md names tests that are there', async (t) => {
  const titles = await testTitles()
  const sections = textOf('docs/delivery.md').split(/^(?=##)/m)
  const guarantees = sections.filter((section) => /^### D\d+: /.test(section))
  const numbers = guarantees.map((section) => Number(/^### D(\d+)/.exec(section)?.[1]))
  t.deepEqual(
    numbers,
    [...new Set(numbers)].toSorted((a, b) => a - b),
    'in order, each once',
  )
  for (const section of guarantees) {
    const [heading = ''] = section.split('\n')
    const named = [...(section.split('Held by:\n')[1] ?? '').matchAll(/^- (.+)$/gm)]
    t.true(named.length > 0, `${heading} names a test`)
    for (const [, title = ''] of named) t.true(titles.has(title), `${heading}: ${title}`)
  }
})

/** The titles that tests are given as literals. */
async function testTitles(): Promise<ReadonlySet<string>> {
  const titles = new Set<string>()
  const TITLE =
    /\b(?:test|testProp)(?:\.\w+)*\(\s*(?:\w+,\s*)?(?:'([^'\n]+)'|"([^"\n]+)"|`([^`]+)`)/g
  for (const [, text] of await sourcesOf('test'))
    for (const [, a, b, c] of text.matchAll(TITLE)) titles.add(a ?? b ?? c ?? '')
  return titles
}

async function sourcesOf(folder: string): Promise<readonly (readonly [string, string])[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'))
  return Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const),
  )
}

test('every command and flag that a document shows is there', async (t) => {
  const helps = new Map<string, string>()
  let found = 0
  for (const { page, text } of PAGE_TEXTS) {
    if (page === 'CHANGELOG.md') continue
    const plain = text.replaceAll('npm run demo -- ', 'signet demo ').replaceAll('\\\n', ' ')
    for (const [, words = '', rest = ''] of plain.matchAll(COMMAND)) {
      found += 1
      const path: string[] = []
      for (const word of words.trim().split(/\s+/)) {
        const help = await helpOf(helps, path)
        // What follows a command without commands of its own is an argument.
        if (!/^Commands:/m.test(help)) break
        t.regex(help, new RegExp(`^  ${word}\\b`, 'm'), `${page}: signet ${words}`)
        path.push(word)
      }
      const help = await helpOf(helps, path)
      for (const [flag] of rest.matchAll(/(?<![\w-])--[a-z][a-z-]*/g))
        t.regex(help, new RegExp(`${flag}(?![\\w-])`), `${page}: signet ${words} ${flag}`)
    }
  }
  t.true(found > 40, 'commands are found at all')
})

/** A command in a block of code or between backticks, of several words perhaps, with what follows it. */
const COMMAND =
  /(?:^(?:[A-Z_]+=\S+ )*|`)signet((?:(?: |\n(?!signet))[a-z][a-z-]*(?=[\s`|]|$))+)([^\n`#>]*)/gm

async function helpOf(helps: Map<string, string>, path: readonly string[]): Promise<string> {
  const key = path.join(' ')
  const known = helps.get(key)
  if (known !== undefined) return known
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...path, '--help'])
  helps.set(key, stdout)
  return stdout
}

test('every npm script that a document names is there', async (t) => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
    scripts: Readonly<Record<string, string>>
  }
  let found = 0
  for (const { page, text } of PAGE_TEXTS) {
    for (const [, run, plain] of text.matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g)) {
      found += 1
      t.true(Object.hasOwn(scripts, run ?? plain ?? ''), `${page}: ${run ?? plain}`)
    }
  }
  t.true(found > 5, 'scripts are found at all')
})

test('every metric that a document names is exported', async (t) => {
  const metrics = await new Metrics().registry.getMetricsAsJSON()
  // Buckets have names of the same shape.
  const buckets = [LEASE_BUCKET, REGISTRATIONS_BUCKET, SENDING_BUCKET]
  const names = new Set([...metrics.map(({ name }) => name), ...buckets])
  let found = 0
  for (const { page, text } of PAGE_TEXTS) {
    for (const [name] of withoutLinks(text).matchAll(/\bsignet_[a-z][a-z_]*[a-z]\b/g)) {
      found += 1
      t.true(names.has(name), `${page}: ${name}`)
    }
  }
  t.true(found > 5, 'metrics are found at all')
})

test('every SIGNET_ name in a document is a setting, an error or a stream', (t) => {
  const variables = settingGroups.flatMap(({ table }) =>
    Object.values<{ readonly variables: readonly string[] }>(table).flatMap((it) => it.variables),
  )
  const streams = [
    'SIGNET_IN',
    'SIGNET_LOCAL',
    'SIGNET_F_C_DOWN',
    'SIGNET_F_C_UP',
    'SIGNET_F_C_DLQ',
    'SIGNET_CACHE',
  ]
  const known = new Set([...variables, ...Object.keys(errorTable), ...streams, 'SIGNET_CONFIG'])
  for (const { page, text } of PAGE_TEXTS)
    for (const [name] of text.matchAll(/\bSIGNET_[A-Z_]*[A-Z]\b/g))
      t.true(known.has(name), `${page}: ${name}`)
})

test('every source file that a document names is there', async (t) => {
  let found = 0
  for (const { page, text } of PAGE_TEXTS) {
    for (const [path] of text.matchAll(/\b(?:src|test)\/[\w/.-]+\.ts\b/g)) {
      found += 1
      await t.notThrowsAsync(access(path), `${page}: ${path}`)
    }
  }
  t.true(found > 20, 'files are found at all')
})

test('every decision is in the list of decisions, and no number is used twice', async (t) => {
  const files = (await readdir('docs/decisions')).filter((name) => /^\d{4}-/.test(name))
  const list = textOf('docs/decisions/README.md')
  t.deepEqual(
    [...list.matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)].map(([, name]) => name),
    files.toSorted(),
  )
  t.is(new Set(files.map((name) => name.slice(0, 4))).size, files.length)
})
