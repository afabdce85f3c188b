import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { headers } from '@nats-io/transport-node'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

let rig: Rig

test.serial.before(async () => {
  rig = await startRig()
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** As a server leaves it that dies between storing an event and republishing it. */
async function storeUnsaid(stamp: string, said: string): Promise<string> {
  const event = eventOf(NOTICE, { source: 'before the crash' })
  const nats = await rig.nats(stamp)
  const head = headers()
  head.set('Nats-Msg-Id', event.id)
  head.set('Signet-Path', HOME)
  await nats.request(NOTICE.replace('sh.keptn.', 'signet.in.'), JSON.stringify(event), {
    headers: head,
    timeout: 5_000,
  })
  const store = await rig.keptnStore(stamp)
  const copy = await eventually(async () => {
    const found = await store.streams.getMessage(said, { last_by_subj: NOTICE })
    return found?.header?.get('Nats-Msg-Id') === event.id ? found : undefined
  })
  await store.streams.deleteMessage(said, copy.seq)
  // After a restart it no longer remembers the id of what it does not have, as after a crash.
  await rig.supercluster.keptn(stamp).restart()
  await eventually(async () => (await nats.rtt()) >= 0)
  return event.id
}

for (const [stamp, said] of [
  ['a', 'SIGNET_LOCAL'],
  [HOME, 'keptn'],
] as const) {
  test.serial(
    `what the Keptn NATS of ${stamp} stored and never said is said at the next connect, once`,
    async (t) => {
      t.timeout(60_000)
      // Something is there to compare with, and must not be said again.
      const known = eventOf(NOTICE)
      await rig.publish(HOME, NOTICE, JSON.stringify(known))
      const other = stamp === HOME ? 'b' : stamp
      const arrived = async () =>
        (await rig.storedIn(other, 'SIGNET_LOCAL')).some((message) =>
          Buffer.from(message.body).toString().includes(known.id),
        )
      await eventually(arrived)
      await rig.agent(stamp).kill()
      const id = await storeUnsaid(stamp, said)
      const heard = await rig.listen(stamp)
      rig.agent(stamp).start()
      await eventually(() => heard.withId(id).length > 0, 20_000, 'the event was said')
      await rig.agent(stamp).ready()
      await rig.agent(stamp).kill()
      rig.agent(stamp).start()
      await rig.agent(stamp).ready()
      // Each connect compares, and a server that restarts makes one more.
      await rig.supercluster.keptn(stamp).kill()
      await rig.supercluster.keptn(stamp).restart()
      await sleep(4_000)
      t.is(heard.withId(id).length, 1)
      t.is(heard.withId(known.id).length, 0)
      const log = await rig.agent(stamp).log()
      t.is(log.split('stored and never said').length - 1, 1)
    },
  )
}

for (const [from, to, said] of [
  [HOME, 'a', 'SIGNET_LOCAL'],
  ['a', HOME, 'keptn'],
] as const) {
  test.serial(
    `however often the Keptn NATS of ${to} is killed, all that it stores is said once, and in order`,
    async (t) => {
      t.timeout(120_000)
      const flow = new NumberedFlow(rig, { from, contexts: 60, each: 60, pauseMs: 4 })
      const server = rig.supercluster.keptn(to)
      for (let kill = 0; kill < 3; kill += 1) {
        await sleep(500 + 300 * Math.random())
        await server.kill()
        await server.restart()
      }
      await flow.published
      const republished = async () =>
        (await rig.storedIn(to, said))
          .filter((message) => message.header('Nats-Stream') === 'SIGNET_IN')
          .map(({ text }) => (JSON.parse(text) as { id: string }).id)
      const isAllThere = async () => flow.missing(new Set(await republished())).length === 0
      // What is missing after that is lost: the check below tells how much.
      await eventually(isAllThere, 60_000).catch(() => undefined)
      flow.check(t, await republished(), said)
      const log = await rig.agent(to).log()
      t.log(`${log.split('stored and never said').length - 1} events said again so far`)
    },
  )
}
