import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { scraped } from '../support/metrics.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

/** A tenth of what it is by default, so that this takes seconds. */
const LIMIT_MS = 3_000

let rig: Rig
const agents = new Map<string, AgentInside>()

test.serial.before(async () => {
  rig = await startRig()
  await rig.startKeptn()
  for (const stamp of [HOME, 'a'])
    agents.set(stamp, await rig.startAgentInside(stamp, { canaryLimitMs: LIMIT_MS }))
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** How much has been made anew so far, by the agent of a stamp. */
async function madeAnew(stamp: string, result: 'stream' | 'consumer'): Promise<number> {
  const url = agents.get(stamp)?.adminUrl ?? ''
  return (await scraped(url, 'signet_healing_total', { reason: 'missing', result })) ?? 0
}

function flows() {
  return [
    { flow: new NumberedFlow(rig, { from: HOME, each: 12 }), to: 'a' },
    { flow: new NumberedFlow(rig, { from: 'a', each: 12 }), to: HOME },
  ]
}

interface Deletion {
  /** Whose agent makes it anew. */
  readonly by: string
  readonly delete: () => Promise<unknown>
}

const consumers: Readonly<Record<string, Deletion>> = {
  'the consumer of a stamp': {
    by: HOME,
    delete: async () => (await rig.hubStore()).consumers.delete(rig.names.down, 'signet-a'),
  },
  'the consumer of the hub': {
    by: HOME,
    delete: async () => (await rig.hubStore()).consumers.delete(rig.names.up, `signet-${HOME}`),
  },
  'the consumer of what Keptn says': {
    by: HOME,
    delete: async () => (await rig.keptnStore(HOME)).consumers.delete('keptn', `signet-${HOME}`),
  },
  'the consumer of what integrations say': {
    by: 'a',
    delete: async () => (await rig.keptnStore('a')).consumers.delete('SIGNET_LOCAL', 'signet-a'),
  },
}

for (const [what, { by, delete: deleteIt }] of Object.entries(consumers)) {
  test.serial(
    `${what} is deleted in the middle of a flow: it is made anew, and nothing is lost or doubled`,
    async (t) => {
      t.timeout(60_000)
      const before = await madeAnew(by, 'consumer')
      const running = flows()
      await sleep(300)
      await deleteIt()
      await eventually(async () => (await madeAnew(by, 'consumer')) > before, 20_000)
      for (const { flow, to } of running) {
        await flow.published
        const isThere = async () => new Set(await flow.arrivedAt(to)).size === flow.size
        // What is missing after that is lost: the check below tells how much.
        await eventually(isThere, 20_000).catch(() => undefined)
        flow.check(t, await flow.arrivedAt(to), to)
      }
    },
  )
}

const streams: Readonly<Record<string, Deletion>> = {
  DOWN: {
    by: HOME,
    delete: async () => (await rig.hubStore()).streams.delete(rig.names.down),
  },
  UP: {
    by: HOME,
    delete: async () => (await rig.hubStore()).streams.delete(rig.names.up),
  },
  'the dead letters': {
    by: HOME,
    delete: async () => (await rig.hubStore()).streams.delete(rig.names.deadLetters),
  },
  'SIGNET_IN of home': {
    by: HOME,
    delete: async () => (await rig.keptnStore(HOME)).streams.delete('SIGNET_IN'),
  },
  'SIGNET_IN of a stamp': {
    by: 'a',
    delete: async () => (await rig.keptnStore('a')).streams.delete('SIGNET_IN'),
  },
  SIGNET_LOCAL: {
    by: 'a',
    delete: async () => (await rig.keptnStore('a')).streams.delete('SIGNET_LOCAL'),
  },
}

for (const [what, { by, delete: deleteIt }] of Object.entries(streams)) {
  test.serial(
    `the stream ${what} is deleted: it is made anew, and what follows arrives once`,
    async (t) => {
      t.timeout(60_000)
      const count = async () => (await madeAnew(by, 'stream')) + (await madeAnew(by, 'consumer'))
      const before = await count()
      await deleteIt()
      await eventually(async () => (await count()) > before, 20_000)
      await eventually(() => [...agents.values()].every((it) => it.reasons().length === 0), 20_000)
      for (const { flow, to } of flows()) {
        await flow.published
        const isThere = async () => new Set(await flow.arrivedAt(to)).size === flow.size
        await eventually(isThere, 20_000).catch(() => undefined)
        flow.check(t, await flow.arrivedAt(to), to)
      }
      t.deepEqual(await rig.deadLetters(), [])
    },
  )
}

test.serial(
  'nobody hears a canary under sh.keptn, and one for each stamp at most lies in DOWN',
  async (t) => {
    const said = await Promise.all([HOME, 'a'].map((stamp) => rig.listen(stamp)))
    const canaries = await rig.listen('a', 'signet.canary.>')
    const heard = (subject: string) => canaries.heard.filter((it) => it.subject === subject).length
    const isSeen = (): boolean => heard('signet.canary.in') > 4 && heard('signet.canary.local') > 4
    await eventually(isSeen, 20_000, 'canaries')
    for (const listener of said) t.deepEqual(listener.heard, [])
    const raw = await (
      await rig.hubStore()
    ).streams.info(rig.names.down, { subjects_filter: 'signet.demo.down.main.*.*.*.canary' })
    for (const [subject, count] of Object.entries(raw.state.subjects ?? {}))
      t.true(count <= 2, subject)
    t.deepEqual(await rig.deadLetters(), [])
  },
)
