import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { runTopologyCheck } from '../../src/commands/topology-check.ts'
import type { ExplainCommand } from '../../src/commands/topology-explain.ts'
import { runTopologyExplain } from '../../src/commands/topology-explain.ts'
import type { TopologyCommand } from '../../src/commands/topology-output.ts'
import { runTopologyRender } from '../../src/commands/topology-render.ts'

const FIXTURES = 'test/fixtures/topology'

function console(dir = 'topology', more: Partial<TopologyCommand> = {}) {
  const out: string[] = []
  const err: string[] = []
  const command: TopologyCommand = {
    dir,
    json: false,
    color: false,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    ...more,
  }
  return { command, out: () => out.join(''), err: () => err.join('') }
}

function golden(name: string): Promise<string> {
  return readFile(join(FIXTURES, name), 'utf8')
}

async function explained(event: string, more: Partial<ExplainCommand> = {}) {
  const { command, out, err } = console()
  const code = await runTopologyExplain({ ...command, event: join(FIXTURES, event), ...more })
  return { code, out: out(), err: err() }
}

test('check reports every mistake of a broken folder with its line, and exits with 2', async (t) => {
  const { command, out, err } = console(`${FIXTURES}/broken`)
  t.is(await runTopologyCheck(command), 2)
  t.is(out(), await golden('broken.report.txt'))
  t.is(err(), '')
})

test('check --json says the same to programs', async (t) => {
  const { command, out } = console(`${FIXTURES}/broken`, { json: true })
  t.is(await runTopologyCheck(command), 2)
  const answer = JSON.parse(out()) as { ok: boolean; mistakes: { file: string; line: number }[] }
  t.false(answer.ok)
  const report = await golden('broken.report.txt')
  t.true(report.includes(`${answer.mistakes.length} mistakes`))
  for (const { file, line } of answer.mistakes) t.true(report.includes(`${file}:${line}:`))
})

test('check shows what the example describes, and exits with 0', async (t) => {
  const { command, out } = console()
  t.is(await runTopologyCheck(command), 0)
  t.is(out(), await golden('example.checked.txt'))
})

test('colours are for those who ask for them', async (t) => {
  const coloured = console('topology', { color: true })
  await runTopologyCheck(coloured.command)
  const bare = console('topology')
  await runTopologyCheck(bare.command)
  // oxlint-disable-next-line no-control-regex
  const escapes = /\u001b\[\d+m/g
  t.regex(coloured.out(), escapes)
  t.is(coloured.out().replace(escapes, ''), bare.out())
})

test('explain tells the rule, the policy, who is in, who is out and why', async (t) => {
  const { code, out } = await explained('deployment-triggered.json')
  t.is(code, 0)
  t.is(out, await golden('deployment-triggered.explained.txt'))
})

test('explain follows a project to its control plane, and chooses where one stamp is enough', async (t) => {
  const { code, out } = await explained('get-sli-triggered.json')
  t.is(code, 0)
  t.is(out, await golden('get-sli-triggered.explained.txt'))
})

test('explain shows what residency makes of an event, from the stamp that says it on', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'signet-explain-'))
  try {
    const event = join(dir, 'event.json')
    const text = await readFile(join(FIXTURES, 'get-sli-triggered.json'), 'utf8')
    const said = JSON.parse(text) as { type: string; data: object }
    said.type = 'sh.keptn.event.get-sli.finished'
    Object.assign(said.data, {
      deployment: { deploymentURIsLocal: ['http://10.0.0.1'] },
      labels: { owner: 'carol' },
    })
    await writeFile(event, JSON.stringify(said))
    const { code, out } = await explained('', { event, from: 'eu-canary-1' })
    t.is(code, 0)
    t.regex(
      out,
      /eu → us {2}the event may leave; left out or hashed: data\.deployment\.deploymentURIsLocal, data\.labels\.owner/,
    )
    const programs = await explained('', { event, from: 'eu-canary-1', json: true })
    const { residency } = JSON.parse(programs.out) as { residency: readonly object[] }
    t.like(residency[0], { from: 'eu', to: 'us', passes: true })
    t.notRegex(JSON.stringify(residency), /carol|10\.0\.0\.1/)
    // eu lets no answers go to ap, whatever us does.
    t.like(residency.at(1), { from: 'us', to: 'ap', passes: false })
    const typo = await explained('', { event, from: 'eu-canary-9' })
    t.is(typo.code, 2)
    t.regex(typo.err, /no stamp "eu-canary-9"/)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('explain --json names subjects, and where the rule was written', async (t) => {
  const { code, out } = await explained('deployment-triggered.json', { json: true })
  t.is(code, 0)
  t.like(JSON.parse(out), {
    kind: 'fan-out',
    controlPlane: 'main',
    task: 'deployment',
    inbound: 'signet.in.event.deployment.triggered',
    rule: { index: 3, stage: 'prod', at: { file: 'topology/federation.yaml' } },
    in: {
      0: {
        stamp: 'eu-early-1',
        down: 'signet.acme.down.main.eu.early.eu-early-1.event.deployment.triggered',
      },
      length: 6,
    },
    out: { length: 6 },
  })
})

test('explain says when an event stays where it is', async (t) => {
  const foreign = await explained('deployment-triggered.json', { controlPlane: 'payments' })
  t.is(foreign.code, 0)
  t.regex(foreign.out, /Project "shop" does not belong to control plane payments/)
})

test('explain refuses what the agent would refuse, with its reason', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'signet-explain-'))
  try {
    const event = join(dir, 'event.json')
    await writeFile(event, '{"type":"sh.keptn.event.test.triggered","id":"1","specversion":"1.0"}')
    const people = await explained('', { event })
    t.is(people.code, 2)
    t.regex(people.err, /is refused \(no-source\): source is missing/)
    const programs = await explained('', { event, json: true })
    t.like(JSON.parse(programs.out), { ok: false, reason: 'no-source' })
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('explain knows no file and no control plane that is not there', async (t) => {
  t.regex((await explained('no-such.json')).err, /unreadable-file/)
  const { code, err } = await explained('deployment-triggered.json', { controlPlane: 'mian' })
  t.is(code, 2)
  t.regex(err, /did you mean "main"/)
})

test('explain and render report a broken topology as check does, and exit with 2', async (t) => {
  const report = await golden('broken.report.txt')
  const explaining = console(`${FIXTURES}/broken`)
  t.is(await runTopologyExplain({ ...explaining.command, event: 'x' }), 2)
  t.is(explaining.err(), report)
  const rendering = console(`${FIXTURES}/broken`)
  t.is(await runTopologyRender({ ...rendering.command, format: 'svg' }), 2)
  t.is(rendering.out(), '')
  t.is(rendering.err(), report)
})

test('render --json is the format json', async (t) => {
  const { command, out } = console('topology', { json: true })
  t.is(await runTopologyRender({ ...command, format: 'dot' }), 0)
  t.like(JSON.parse(out()), { federation: 'acme' })
})
