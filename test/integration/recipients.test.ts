import test from 'ava'
import { eventually } from '../support/federation.ts'
import type { Respond } from '../support/loopback-http.ts'
import { scraped } from '../support/metrics.ts'
import type { Posted } from '../support/recipients.ts'
import {
  deadLetters,
  ids,
  idOf,
  integration,
  passed,
  posted,
  recipient,
  recipientStatus,
  taken,
} from '../support/recipients.ts'
import { DEPLOYMENT, eventText } from '../support/registrations.ts'
import { stampRig } from '../support/stamp-agent.ts'

test('nothing is lost while a recipient restarts, and each context keeps its order', async (t) => {
  const rig = await stampRig(t)
  const first = await recipient(t)
  const agent = await rig.agent({ integrations: [integration(first.url)] })
  await passed(rig, first)
  const { port } = first
  await first[Symbol.asyncDispose]()
  const texts = ['x', 'y', 'x', 'x', 'y'].map((context) => eventText(DEPLOYMENT, {}, context))
  for (const text of texts) await rig.send(text)
  const down = await eventually(
    async () => (await recipientStatus(agent))[0]?.['down'],
    20_000,
    'it is told',
  )
  t.is(down, 'it cannot be reached (ECONNREFUSED)')
  const ready = await (await fetch(`${agent.adminUrl}/readyz`)).text()
  t.regex(ready, new RegExp(`the recipient 127.0.0.1:${port} of helm-service is down`))
  t.is(await scraped(agent.adminUrl, 'signet_recipients_down'), 1)
  const second = await recipient(t, taken, port)
  await eventually(() => second.came.length >= texts.length, 30_000, 'all are posted')
  const order = (context: string, all: readonly string[]) =>
    all.filter((text) => (JSON.parse(text) as Posted).shkeptncontext === context).map(idOf)
  for (const context of ['x', 'y'])
    t.deepEqual(
      order(
        context,
        second.came.map(({ body }) => body),
      ),
      order(context, texts),
    )
  await eventually(
    async () => (await scraped(agent.adminUrl, 'signet_recipients_down')) === 0,
    20_000,
  )
  t.deepEqual(await deadLetters(rig), [])
})

test('a failure of the recipient is tried again, and holds up its own context only', async (t) => {
  const rig = await stampRig(t)
  const failing = eventText(DEPLOYMENT, {}, 'bad')
  const behind = eventText(DEPLOYMENT, {}, 'bad')
  let failures = 0
  const server = await recipient(t, (came, response) => {
    const fails = posted(came).id === idOf(failing) && failures < 3
    if (fails) failures += 1
    response.writeHead(fails ? 500 : 200).end()
  })
  await rig.agent({ integrations: [integration(server.url)] })
  await rig.send(failing)
  await rig.send(behind)
  await passed(rig, server)
  await eventually(() => ids(server).includes(idOf(behind)), 30_000, 'the next of its context')
  const ofContext = ids(server).filter((id) => id === idOf(failing) || id === idOf(behind))
  t.deepEqual(ofContext, [...Array.from({ length: 4 }, () => idOf(failing)), idOf(behind)])
})

test('what a recipient refuses is set aside for it, once, and the flow goes on', async (t) => {
  const rig = await stampRig(t)
  const bad = eventText(DEPLOYMENT, {}, 'c')
  const good = eventText(DEPLOYMENT, {}, 'c')
  const refusing: Respond = (came, response) => {
    response.writeHead(posted(came).id === idOf(bad) ? 422 : 200).end()
  }
  const servers = [await recipient(t, refusing), await recipient(t, refusing)]
  const integrations = servers.map(({ url }, index) =>
    integration(`http://user:secret@${new URL(url).host}`, {
      name: `helm-${index}`,
      recipient: { url: `${url}/`, timeoutMs: 30_000, authorization: 'Basic c2VjcmV0' },
    }),
  )
  await rig.agent({ integrations })
  await rig.send(bad)
  await rig.send(good)
  for (const server of servers)
    await eventually(() => ids(server).includes(idOf(good)), 20_000, 'the next one is posted')
  const letters = await eventually(async () => {
    const all = await deadLetters(rig)
    return all.length >= 2 && all
  }, 20_000)
  const subject = 'signet.acme.dlq.main.down.eu-1.recipient-refused'
  t.deepEqual(
    letters.toSorted(),
    servers.map(
      ({ url }, index) =>
        `${subject}: integration helm-${index} at ${new URL(url).host}: it answers 422`,
    ),
  )
  for (const server of servers) {
    t.deepEqual(ids(server), [idOf(bad), idOf(good)])
    t.is(server.came[0]?.headers.authorization, 'Basic c2VjcmV0')
  }
})

test('a recipient that is stuck holds up no other, and is asked again', async (t) => {
  const rig = await stampRig(t)
  let isStuck = true
  const stuck = await recipient(t, (came, response) => {
    if (!isStuck) return taken(came, response)
  })
  const free = await recipient(t)
  const agent = await rig.agent({
    inFlight: 2,
    integrations: [
      integration(stuck.url, {
        name: 'stuck',
        recipient: { url: stuck.url, timeoutMs: 5_000 },
      }),
      integration(free.url, { name: 'free' }),
    ],
  })
  const texts = Array.from({ length: 10 }, (_, at) => eventText(DEPLOYMENT, {}, `c${at}`))
  for (const text of texts) await rig.send(text)
  await eventually(() => free.came.length >= texts.length, 20_000, 'the other has all')
  t.deepEqual(ids(free).toSorted(), texts.map(idOf).toSorted())
  const isDown = async () =>
    (await recipientStatus(agent)).some(({ down }) => down === 'it takes too long')
  await eventually(isDown, 20_000, 'it is told')
  isStuck = false
  await eventually(() => new Set(ids(stuck)).size >= texts.length, 45_000, 'all come in the end')
})
