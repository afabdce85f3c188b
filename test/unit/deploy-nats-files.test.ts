import test from 'ava'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const FOLDER = 'deploy/nats'

const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.conf'))
const page = await readFile('docs/nats.md', 'utf8')

for (const name of files)
  test(`${name} says at its top what each of its variables means, and only of those`, async (t) => {
    const text = await readFile(join(FOLDER, name), 'utf8')
    const top = text.slice(0, text.indexOf('\n\n'))
    const told = [...top.matchAll(/^#(?: {3}|.*, )(NATS_\w+)/gm), ...top.matchAll(/, (NATS_\w+)/g)]
    const used = [...text.slice(top.length).matchAll(/\$(NATS_\w+)/g)]
    const names = (matches: readonly RegExpMatchArray[]) => new Set(matches.map(([, it]) => it))
    const [here, there] = [names(told), names(used)]
    t.true(used.length > 4)
    for (const it of there) t.true(here.has(it), `${it} is explained`)
    for (const it of here) t.true(there.has(it), `${it} is used`)
    t.true(page.includes(`(../${FOLDER}/${name})`), 'the page names it')
  })

test('every command about accounts that docs/nats.md shows can be run as it stands', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'signet-nats-docs-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  await cp('topology', join(dir, 'topology'), { recursive: true })
  const blocks = [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  const commands = blocks
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.startsWith('signet '))
  t.true(commands.length >= 3)
  for (const command of commands) {
    const [, ...args] = command.split(' ')
    const run = promisify(execFile)(process.execPath, [CLI, ...args], { cwd: dir })
    await t.notThrowsAsync(run, command)
    const [, folder = ''] = /--out (\S+)/.exec(command) ?? []
    t.true((await readdir(join(dir, folder))).length > 3, command)
  }
})
