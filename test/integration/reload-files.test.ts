import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Reloader } from '../../src/commands/reload.ts'
import { readConfiguration } from '../../src/config/configuration.ts'
import { validSettings } from '../../src/config/settings-load.ts'
import { parseTopologyFiles, validTopology } from '../../src/config/topology-load.ts'
import type { Topology } from '../../src/domain/topology.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { Reloads } from '../../src/observe/reloads.ts'
import { eventually } from '../support/eventually.ts'
import { counted } from '../support/metrics.ts'
import { silent } from '../support/registrations.ts'

// Real folders and files, and what an agent is asked to do because of them.

/** A topology with a stamp `a`, and others. */
function yaml(...others: readonly string[]): string {
  const stamps = ['a', ...others].map((name) => `{ name: ${name} }`).join(', ')
  return [
    'apiVersion: signet/v1\nkind: Federation\nname: acme',
    'controlPlanes: [{ name: main, home: { geo: eu, stamp: core }, store: { domain: hub } }]',
    'rings: [canary]\nstages: [{ stage: dev, rings: [canary] }]',
    '---\napiVersion: signet/v1\nkind: Geo\ngeo: eu',
    `---\napiVersion: signet/v1\nkind: Ring\ngeo: eu\nring: canary\nstamps: [${stamps}]\n`,
  ].join('\n')
}

interface Said {
  readonly facts: Readonly<Record<string, unknown>>
  readonly message: string
}

const NEVER = 3_600_000

/**
 * A reloader of stamp `a` for a folder `topology` in a temporary one, beside a `settings.yaml`. It hears of
 * changes from the system only, unless it is to look by itself.
 */
async function rig(
  t: ExecutionContext,
  prepareFiles: (dir: string) => Promise<void>,
  pollMs = NEVER,
) {
  const dir = await mkdtemp(join(tmpdir(), 'signet-reload-'))
  const settingsFile = join(dir, 'settings.yaml')
  const saveSettings = (text: string, folder = 'topology'): Promise<void> =>
    writeFile(settingsFile, `${text}\ntopology: ${join(dir, folder)}\n`)
  await saveSettings('drain: 5s')
  await prepareFiles(dir)
  const environment = { SIGNET_STAMP: 'a', SIGNET_CONFIG: settingsFile }
  const metrics = new Metrics()
  const reloads = new Reloads(metrics, Date.now)
  const replaced: (readonly string[])[] = []
  const retuned: number[] = []
  const levels: string[] = []
  const said: Said[] = []
  const say = (facts: object, message: string): void => {
    said.push({ facts: { ...facts }, message })
  }
  /** What a change waits for. */
  const gate: { wait(signal: AbortSignal): Promise<void> } = { wait: () => Promise.resolve() }
  const files = await readConfiguration(environment, {})
  const { settings } = validSettings(files.settings)
  const { topology } = validTopology('', parseTopologyFiles(files.topology))
  const reloader = new Reloader({
    environment,
    flags: {},
    files,
    settings,
    topology,
    agent: {
      reloads,
      replaceTopology: async (next: Topology, signal) => {
        await gate.wait(signal)
        signal.throwIfAborted()
        replaced.push(next.stamps.map(({ name }) => name))
      },
      retune: ({ presenceIntervalMs }) => retuned.push(presenceIntervalMs),
    },
    log: {
      ...silent,
      info: say,
      warn: say,
      error: say,
      setLevel: (level) => levels.push(level),
    },
    pollMs,
    settleMs: 20,
  })
  reloader.start()
  t.teardown(async () => {
    await reloader.stop()
    await rm(dir, { recursive: true })
  })
  const count = async (result: string): Promise<number> => {
    return (await counted(metrics, 'signet_reloads_total', { result })) ?? 0
  }
  const heard = (part: RegExp) =>
    eventually(`"${part.source}" is logged`, () => said.find(({ message }) => part.test(message)))
  return {
    dir,
    saveSettings,
    said,
    reloader,
    reloads,
    metrics,
    replaced,
    retuned,
    levels,
    gate,
    count,
    heard,
  }
}

async function plain(dir: string): Promise<void> {
  await mkdir(join(dir, 'topology'))
  await writeFile(join(dir, 'topology', 'federation.yaml'), yaml())
}

/** As kubelets mount a ConfigMap: files are links through `..data`, which leads to the present folder. */
async function configMap(dir: string): Promise<void> {
  await mkdir(join(dir, 'topology', '..first'), { recursive: true })
  await writeFile(join(dir, 'topology', '..first', 'federation.yaml'), yaml())
  await symlink('..first', join(dir, 'topology', '..data'))
  await symlink(join('..data', 'federation.yaml'), join(dir, 'topology', 'federation.yaml'))
}

async function swapConfigMap(dir: string, name: string, text: string): Promise<void> {
  const topology = join(dir, 'topology')
  await mkdir(join(topology, name))
  await writeFile(join(topology, name, 'federation.yaml'), text)
  await symlink(name, join(topology, '..data_tmp'))
  await rename(join(topology, '..data_tmp'), join(topology, '..data'))
}

test('a changed file is taken over, and counted', async (t) => {
  const { dir, replaced, count, reloads } = await rig(t, plain)
  const before = reloads.status() as { topology: string }
  await writeFile(join(dir, 'topology', 'federation.yaml'), yaml('b'))
  await eventually('it is taken over', () => replaced.length > 0)
  t.deepEqual(replaced, [['a', 'b']])
  await eventually('it is counted', async () => (await count('applied')) === 1)
  t.deepEqual(reloads.warnings, [])
  t.not((reloads.status() as { topology: string }).topology, before.topology)
})

test('a swap of the links of a ConfigMap is noticed, again and again', async (t) => {
  const { dir, replaced, count } = await rig(t, configMap)
  await swapConfigMap(dir, '..second', yaml('b'))
  await eventually('the second', () => replaced.length === 1)
  await rm(join(dir, 'topology', '..first'), { recursive: true })
  await swapConfigMap(dir, '..third', yaml('b', 'c'))
  await eventually('the third', () => replaced.length === 2)
  t.deepEqual(replaced, [
    ['a', 'b'],
    ['a', 'b', 'c'],
  ])
  t.is(await count('refused'), 0)
})

test('a folder that is itself a link is followed to where it leads now', async (t) => {
  const { dir, replaced } = await rig(t, async (at) => {
    for (const [name, stamps] of [
      ['one', []],
      ['two', ['b']],
    ] as const) {
      await mkdir(join(at, name))
      await writeFile(join(at, name, 'all.yaml'), yaml(...stamps))
    }
    await symlink('one', join(at, 'topology'))
  })
  await symlink('two', join(dir, 'new'))
  await rename(join(dir, 'new'), join(dir, 'topology'))
  await eventually('two is read', () => replaced.length === 1)
  await writeFile(join(dir, 'two', 'all.yaml'), yaml('b', 'c'))
  await eventually('two is watched', () => replaced.length === 2)
  t.deepEqual(replaced.at(-1), ['a', 'b', 'c'])
})

test('what the system does not tell is found by looking from time to time', async (t) => {
  // Behind a link that leads out of the folder, changes are not told of.
  const { dir, replaced } = await rig(
    t,
    async (at) => {
      await mkdir(join(at, 'topology'))
      await mkdir(join(at, 'far'))
      await writeFile(join(at, 'far', 'all.yaml'), yaml())
      await symlink(join('..', 'far', 'all.yaml'), join(at, 'topology', 'all.yaml'))
    },
    50,
  )
  await writeFile(join(dir, 'far', 'all.yaml'), yaml('b'))
  await eventually('it is found', () => replaced.length === 1)
  t.pass()
})

test('who asks gets a look at once, and an answer', async (t) => {
  const { dir, reloader, replaced, heard } = await rig(t, async (at) => {
    await mkdir(join(at, 'topology'))
    await mkdir(join(at, 'far'))
    await writeFile(join(at, 'far', 'all.yaml'), yaml())
    await symlink(join('..', 'far', 'all.yaml'), join(at, 'topology', 'all.yaml'))
  })
  reloader.ask()
  await heard(/are what this agent runs with/)
  await writeFile(join(dir, 'far', 'all.yaml'), yaml('b'))
  reloader.ask()
  await heard(/are taken over/)
  t.deepEqual(replaced, [['a', 'b']])
})

test('a broken file is refused with all its mistakes, and mended later', async (t) => {
  const { dir, saveSettings, replaced, reloads, metrics, count, heard } = await rig(t, plain)
  await saveSettings('drain: soon')
  await writeFile(join(dir, 'topology', 'more.yaml'), 'apiVersion: signet/v1\nkind: Rnig\n')
  await eventually('both are told', () => /more/.test(reloads.warnings.join()))
  const { facts } = await heard(/refused as a whole/)
  t.true(Array.isArray(facts['mistakes']))
  const status = reloads.status() as {
    differs: { since: string; why: string; mistakes: readonly string[] }
  }
  t.is(status.differs.why, 'refused')
  t.regex(status.differs.mistakes.join('\n'), /settings\.yaml:1:.*drain.*more\.yaml:2:/s)
  t.is(await counted(metrics, 'signet_reload_pending'), 1)
  t.true((await count('refused')) >= 1)
  t.deepEqual(replaced, [])
  await saveSettings('drain: 5s')
  await unlink(join(dir, 'topology', 'more.yaml'))
  await heard(/what this agent runs with again/)
  t.deepEqual(reloads.warnings, [])
  t.is(await counted(metrics, 'signet_reload_pending'), 0)
  await writeFile(join(dir, 'topology', 'federation.yaml'), yaml('b'))
  await eventually('what is right is taken over', () => replaced.length === 1)
})

test('what may not change while an agent runs is refused as a whole', async (t) => {
  const { dir, saveSettings, reloader, replaced, retuned, said, reloads } = await rig(t, plain)
  const refused = () => said.filter(({ message }) => /refused as a whole/.test(message)).length
  const renamed = yaml('b').replace('name: acme', 'name: other')
  await writeFile(join(dir, 'topology', 'federation.yaml'), renamed)
  await eventually('it is refused', refused)
  await saveSettings('drain: 5s\npresenceInterval: 2s')
  const before = refused()
  reloader.ask()
  await eventually('all of it is', () => refused() > before)
  t.regex(reloads.warnings.join(), /federation acme would be named other/)
  t.deepEqual(replaced, [])
  t.deepEqual(retuned, [])
})

test('settings take effect at once, or are named as waiting for a restart', async (t) => {
  const { saveSettings, levels, retuned, replaced, reloads } = await rig(t, plain)
  await saveSettings('drain: 9s\nlogLevel: debug\npresenceInterval: 1s')
  await eventually('they are taken over', () => retuned.length === 1)
  t.deepEqual(levels, ['debug'])
  t.deepEqual(retuned, [1_000])
  t.deepEqual(replaced, [], 'the topology is the same')
  t.regex(reloads.warnings.join(), /wait for the next start of the agent: drain$/)
  t.like(reloads.status(), { restartNeeded: ['drain'] })
  await saveSettings('drain: 5s\nlogLevel: debug')
  await eventually('nothing waits any more', () => reloads.warnings.length === 0)
})

test('another folder in the settings is another topology, and watched', async (t) => {
  const { dir, saveSettings, replaced } = await rig(t, async (at) => {
    await plain(at)
    await mkdir(join(at, 'other'))
    await writeFile(join(at, 'other', 'all.yaml'), yaml('b'))
  })
  await saveSettings('drain: 5s', 'other')
  await eventually('it is taken over', () => replaced.length === 1)
  await writeFile(join(dir, 'other', 'all.yaml'), yaml('b', 'c'))
  await eventually('so are its changes', () => replaced.length === 2)
  t.deepEqual(replaced.at(-1), ['a', 'b', 'c'])
})

test('of changes in quick succession the last one counts, though an earlier one waits', async (t) => {
  const { dir, gate, replaced, reloads, heard } = await rig(t, plain)
  const file = join(dir, 'topology', 'federation.yaml')
  let waiting = 0
  gate.wait = (signal) => {
    waiting += 1
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason)
      })
    })
  }
  await writeFile(file, yaml('b'))
  await eventually('the first one is being prepared', () => waiting === 1)
  t.regex(reloads.warnings.join(), /differ.*hub store/)
  for (const stamps of [['b', 'c'], ['b'], ['c'], ['d']]) await writeFile(file, yaml(...stamps))
  gate.wait = () => Promise.resolve()
  await writeFile(file, yaml('e'))
  await heard(/taken over/)
  await eventually('the last one is there', () => replaced.at(-1)?.join() === 'a,e')
  t.deepEqual(reloads.warnings, [])
})
