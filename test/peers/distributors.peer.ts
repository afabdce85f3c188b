import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { freePort } from '../../src/demo/free-port.ts'
import {
  DEPLOYMENT,
  nats,
  ScriptedKeptn,
  ScriptedRecipient,
  triggered,
} from '../support/distributor.ts'
import { eventually } from '../support/eventually.ts'
import { Listener } from '../support/listener.ts'
import { openDoor, PeerProcess } from './peer-process.ts'

// Keptn's own distributor and ours, with one environment, side by side: what they register, deliver and send
// must be the same. KEPTN_DISTRIBUTOR names Keptn's, built from its sources.

const THEIRS = process.env['KEPTN_DISTRIBUTOR']
const OURS = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const LIMIT = 90_000
const STARTED = 'sh.keptn.event.deployment.started'
const ADDRESSES = { theirs: '127.0.0.11', ours: '127.0.0.12' } as const
type Whose = keyof typeof ADDRESSES

const FILTER = { projects: ['shop'], stages: ['dev', 'prod'], services: [] }
const SUBSCRIPTIONS = [
  { id: 's1', event: DEPLOYMENT },
  { id: 's2', event: DEPLOYMENT, filter: FILTER },
  { id: 's3', event: DEPLOYMENT, filter: { ...FILTER, stages: ['qa'] } },
]
const EVENTS = [
  triggered({ id: 'T1', gitcommitid: 'abc', time: '2026-01-01T10:00:00.5Z' }),
  triggered({ id: 'T2', extension: 'x' }, { stage: 'prod', labels: { a: 'b' } }),
  triggered({ id: 'T3', triggeredid: 'T0' }, { project: 'bank', list: [1, 2.5, null] }),
  triggered(
    { id: 'T4', shkeptnspecversion: '0.2.4' },
    { temporaryData: { distributor: { subscriptionID: 'old' } } },
  ),
]
const ANSWER = triggered({ id: 'S1', type: STARTED, source: 'my-service', triggeredid: 'T1' })

const ENVIRONMENT = {
  K8S_DEPLOYMENT_NAME: 'my-service',
  K8S_NAMESPACE: 'keptn',
  K8S_POD_NAME: 'pod-1',
  K8S_NODE_NAME: 'node-1',
  VERSION: '1.2.3',
  DISTRIBUTOR_VERSION: '0.19.0',
  PUBSUB_TOPIC: `${DEPLOYMENT},sh.keptn.event.test.triggered`,
  PROJECT_FILTER: 'shop',
  STAGE_FILTER: 'dev,prod',
  HEARTBEAT_INTERVAL: '1s',
  HTTP_POLLING_INTERVAL: '1',
}

async function start(
  t: ExecutionContext,
  whose: Whose,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const port = String(await freePort())
  const program = whose === 'theirs' ? (THEIRS ?? '') : [process.execPath, OURS, 'distributor']
  const peer = await PeerProcess.start(program, ADDRESSES[whose], {
    ...environment,
    API_PROXY_PORT: port,
  })
  t.teardown(() => peer.stop())
  return `http://127.0.0.1:${port}`
}

/** What one of them did, in a form that can be compared. */
interface Deeds {
  readonly registration: unknown
  readonly delivered: readonly unknown[]
  readonly sent: readonly unknown[]
  readonly proxied: readonly string[]
}

async function answer(url: string): Promise<void> {
  const post = async (): Promise<boolean> => {
    const posted = await fetch(`${url}/event`, { method: 'POST', body: JSON.stringify(ANSWER) })
    return posted.status === 200
  }
  await eventually('its answer is taken', () => post().catch(() => false), LIMIT)
}

/** Calls the proxy, and returns the targets that Keptn's side saw. */
async function proxied(url: string, keptn: ScriptedKeptn): Promise<readonly string[]> {
  const seen: string[] = []
  for (const path of [
    '/controlPlane/v1/project?pageSize=2',
    '/mongodb-datastore/event?keptnContext=c',
    '/resource-service/v1/project/p/resource/helm%2Fx.tgz?gitCommitID=1',
  ]) {
    await fetch(url + path)
    const query = path.slice(path.indexOf('?'))
    seen.push(keptn.http.targets.findLast((target) => target.endsWith(query)) ?? 'nothing')
  }
  return seen
}

async function polled(t: ExecutionContext, whose: Whose): Promise<Deeds> {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  keptn.subscriptions = SUBSCRIPTIONS
  keptn.open = { [DEPLOYMENT]: EVENTS }
  const url = await start(t, whose, {
    ...ENVIRONMENT,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: `${keptn.url}/api`,
    KEPTN_API_TOKEN: 'sesame',
  })
  await answer(url)
  await eventually('all deliveries', () => recipient.ids.length >= DELIVERED, LIMIT)
  const polls = () => keptn.asked('GET', DEPLOYMENT).length
  const before = polls()
  await eventually('more rounds', () => polls() > before + 6, LIMIT)
  return {
    registration: JSON.parse(keptn.asked('POST', '/uniform/registration')[0]?.body ?? 'null'),
    delivered: sorted(recipient.events),
    sent: keptn.asked('POST', '/v1/event').map(({ body }) => withoutForm(JSON.parse(body))),
    proxied: await proxied(url, keptn),
  }
}

async function heard(t: ExecutionContext, whose: Whose): Promise<Deeds> {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  const door = await openDoor(ADDRESSES[whose], keptn.http.port)
  t.teardown(() => door[Symbol.asyncDispose]())
  const { server, nc } = await nats(t)
  keptn.subscriptions = SUBSCRIPTIONS
  const url = await start(t, whose, {
    ...ENVIRONMENT,
    ...recipient.environment,
    PUBSUB_URL: server.url,
  })
  const said = new Listener(nc, STARTED)
  await answer(url)
  // Keptn's own knows its subscriptions a while after it has registered.
  const probe = triggered({ id: 'probe' }, { stage: 'qa' })
  await eventually(
    'it hears',
    async () => {
      nc.publish(DEPLOYMENT, JSON.stringify(probe))
      await nc.flush()
      return recipient.ids.length > 0
    },
    LIMIT,
  )
  for (const event of EVENTS) nc.publish(event.type, JSON.stringify(event))
  const real = () => recipient.events.filter(({ id }) => id !== 'probe')
  await eventually('all deliveries', () => real().length >= DELIVERED, LIMIT)
  return {
    registration: JSON.parse(keptn.asked('POST', '/uniform/registration')[0]?.body ?? 'null'),
    delivered: sorted(real()),
    sent: said.heard.map(({ text }) => withoutForm(JSON.parse(text))),
    proxied: await proxied(url, keptn),
  }
}

/** Of four events: all for one subscription, three of the project and its stages for another. */
const DELIVERED = 7

/** Parallel posts come in any order. */
function sorted(events: readonly object[]): readonly unknown[] {
  return events.toSorted((a, b) => key(a).localeCompare(key(b)))
}

function key(event: object): string {
  const { id, data } = event as { id: string; data: { temporaryData?: unknown } }
  return `${id} ${JSON.stringify(data.temporaryData)}`
}

/** Without what tells only how it was written. */
function withoutForm(event: object): object {
  const { datacontenttype: _, contenttype: __, ...rest } = event as Record<string, unknown>
  return rest
}

const withTheirs = THEIRS === undefined ? test.serial.skip : test.serial

withTheirs('outside of Keptn’s cluster both register, deliver and send the same', async (t) => {
  t.timeout(5 * 60_000)
  const [theirs, ours] = [await polled(t, 'theirs'), await polled(t, 'ours')]
  t.deepEqual(ours, theirs)
  t.is(ours.delivered.length, DELIVERED)
  t.is(ours.sent.length, 1)
  t.false(ours.proxied.includes('nothing'))
})

withTheirs('in Keptn’s cluster both register, deliver and send the same', async (t) => {
  t.timeout(5 * 60_000)
  const [theirs, ours] = [await heard(t, 'theirs'), await heard(t, 'ours')]
  t.deepEqual(ours, theirs)
  t.is(ours.delivered.length, DELIVERED)
  t.is(ours.sent.length, 1)
  t.false(ours.proxied.includes('nothing'))
})
