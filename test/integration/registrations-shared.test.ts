import type { ExecutionContext } from 'ava'
import test from 'ava'
import type { Registration } from '../../src/domain/registration.ts'
import { Bucket } from '../../src/links/bucket.ts'
import { Store } from '../../src/links/store.ts'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { RegistrationsRecord } from '../../src/stamp/registrations-record.ts'
import { eventually as within } from '../support/eventually.ts'
import { HttpKeptnCaller } from '../support/http-keptn-caller.ts'
import { natsServer } from '../support/nats-server.ts'
import { DEPLOYMENT, event, TEST, wanted } from '../support/registrations.ts'
import { BASE, call, registerOver } from '../support/uniform-calls.ts'
import { controlPlane, startPod } from '../support/uniform-pod.ts'
import type { Pod } from '../support/uniform-pod.ts'

/** Generous: the machine may be slow. */
const eventually = <T>(what: string, probe: Parameters<typeof within<T>>[1]): Promise<T> =>
  within(what, probe, 20_000)

/** A stamp with three agents, none of which leads, and a control plane. */
async function rig(t: ExecutionContext) {
  const bridge = await controlPlane(t)
  const keptn = await natsServer({ jetstream: true })
  t.teardown(() => keptn[Symbol.asyncDispose]())
  const caller = new HttpKeptnCaller(() => bridge.url)
  const pod = () => startPod(t, { keptn, caller })
  const [a, b, c] = await Promise.all([pod(), pod(), pod()])
  return { bridge, keptn, caller, a, b, c, pod }
}

const ping = ({ url }: Pod, id: string) => call(url, 'PUT', `${BASE}/${id}/ping`)
const known = async ({ url }: Pod) => (await call(url, 'GET', BASE)).json as Registration[]
const upstreamIds = (pods: readonly Pod[], id: string) =>
  new Set(pods.map(({ registrations }) => registrations.entry(id)?.upstream?.id))

test('what registers at one agent may turn to any other at once', async (t) => {
  const { a, b, c } = await rig(t)
  const pods = [a, b, c]
  for (let round = 0; round < 10; round += 1) {
    const [first, second, third] = [0, 1, 2].map((step) => pods[(round + step) % 3] as Pod)
    if (first === undefined || second === undefined || third === undefined) return t.fail()
    const id = await registerOver(first.url, wanted({ name: `of-${round}` }))
    // No waiting in between: what the other has not heard of yet it has to look up.
    const answers = await Promise.all([
      ping(second, id),
      call(third.url, 'PUT', `${BASE}/${id}/subscription/mine`, { event: TEST }),
    ])
    t.deepEqual(
      answers.map(({ status }) => status),
      [200, 201],
    )
    t.like(await call(second.url, 'POST', BASE, wanted({ name: `of-${round}` })), {
      status: 200,
      json: { id },
    })
    for (const pod of pods)
      await eventually('all know the same', async () => {
        const one = (await known(pod)).find((it) => it.id === id)
        return one?.subscriptions.map((it) => it.event).join() === `${DEPLOYMENT},${TEST}`
      })
    await call(third.url, 'DELETE', `${BASE}/${id}`)
    for (const pod of pods)
      await eventually('it is gone', async () => (await ping(pod, id)).status === 404)
  }
})

test('a ping at one agent opens the gate of another', async (t) => {
  const { a, b } = await rig(t)
  const id = await registerOver(a.url, wanted())
  const hearing = ({ registrations }: Pod) => registrations.hearing(event(DEPLOYMENT))
  await eventually('both hold tasks back', () => [a, b].every((pod) => hearing(pod) === 'silent'))
  t.is((await ping(b, id)).status, 200)
  await eventually('both let them pass', () => [a, b].every((pod) => hearing(pod) === 'listening'))
  // Changed at one, it has to ping again before it listens to that, wherever.
  await call(a.url, 'PUT', `${BASE}/${id}/subscription/mine`, { event: TEST })
  await eventually('both hold tasks back', () => [a, b].every((pod) => hearing(pod) === 'silent'))
  t.is((await ping(b, id)).status, 200)
  await eventually('both let them pass', () => [a, b].every((pod) => hearing(pod) === 'listening'))
})

test('steady pings at one agent keep an integration alive at the others, without a write each', async (t) => {
  const { a, b } = await rig(t)
  const id = await registerOver(a.url, wanted())
  await ping(a, id)
  await eventually('it listens at both', () =>
    [a, b].every(({ registrations }) => registrations.hearing(event(DEPLOYMENT)) === 'listening'),
  )
  const seen = () => b.registrations.everything()[0]?.life.seenAt ?? 0
  const before = { seen: seen(), writes: await writes(a) }
  for (let times = 0; times < 20; times += 1) await ping(a, id)
  await eventually('the other heard of it', () => seen() > before.seen)
  t.is(await writes(a), before.writes)
})

/** How often the record of registrations was written. */
async function writes({ side }: Pod): Promise<number> {
  return (await new Store(side).stream('KV_signet_registrations'))?.lastSequence ?? 0
}

test('changes of one integration at all agents at once are all kept', async (t) => {
  const { a, b, c } = await rig(t)
  const id = await registerOver(a.url, wanted({ events: [] }))
  const pods = [a, b, c]
  const events = Array.from({ length: 30 }, (_, index) => `sh.keptn.event.task-${index}.triggered`)
  await Promise.all(
    events.map((name, index) => {
      const pod = pods[index % 3] as Pod
      return call(pod.url, 'PUT', `${BASE}/${id}/subscription/s-${index}`, { event: name })
    }),
  )
  for (const pod of pods)
    await eventually('it has all', async () => (await known(pod))[0]?.subscriptions.length === 30)
  for (const pod of pods)
    t.deepEqual(
      (await known(pod))[0]?.subscriptions.map((one) => one.event).toSorted(),
      events.toSorted(),
    )
})

test('the agent that leads tells the control plane for all, and the next one goes on', async (t) => {
  const { bridge, keptn, a, b, c, caller } = await rig(t)
  await a.lead()
  const integration = await startIntegration({
    name: 'helm-service',
    subscriptions: [{ event: DEPLOYMENT }],
    registrationUrl: b.url,
    namespace: 'keptn',
    node: 'node-1',
    natsUrl: keptn.url,
    pingMs: 100,
    pingRetryMs: 100,
  })
  t.teardown(() => integration.kill())
  const { id } = integration
  await eventually('it is there', () => bridge.registrations()[0]?.subscriptions?.length === 1)
  await eventually(
    'all know its id',
    () => upstreamIds([a, b, c], id).size === 1 && !upstreamIds([c], id).has(undefined),
  )
  const upstream = bridge.registrations()[0]?.id ?? ''
  const filter = { projects: [], stages: ['prod'], services: [] }
  const edited = async (sid: string) =>
    call(bridge.url, 'PUT', `${BASE}/${upstream}/subscription/${sid}`, { event: TEST, filter })
  await edited('one')
  await eventually('the edit comes', async () => (await known(b))[0]?.subscriptions.length === 2)

  await a.kill()
  await c.lead()
  await edited('two')
  await eventually(
    'the next edit comes',
    async () => (await known(b))[0]?.subscriptions.length === 3,
  )
  t.is(caller.seen('POST').length, 1)
  // It went on under the same id.
  t.deepEqual(
    bridge.registrations().map((one) => one.id),
    [upstream],
  )
  await call(b.url, 'DELETE', `${BASE}/${id}`)
  await eventually('it is gone', () => bridge.registrations().length === 0)
})

test('what one agent could not tell any more, the next one tells', async (t) => {
  const { bridge, caller, a, b } = await rig(t)
  await a.lead()
  const kept = await registerOver(a.url, wanted({ name: 'kept' }))
  const gone = await registerOver(a.url, wanted({ name: 'gone' }))
  await eventually('both are there', () => bridge.registrations().length === 2)
  await eventually('both are known to be', () =>
    [kept, gone].every((id) => b.registrations.entry(id)?.upstream !== undefined),
  )
  caller.isCut = true
  await call(a.url, 'DELETE', `${BASE}/${gone}`)
  await call(a.url, 'PUT', `${BASE}/${kept}/subscription/mine`, { event: TEST })
  await a.kill()
  caller.isCut = false
  await b.lead()
  await eventually('the one is gone', () => bridge.registrations().length === 1)
  await ping(b, kept)
  await eventually(
    'the other changed',
    () => bridge.registrations()[0]?.subscriptions?.length === 2,
  )
  t.is(bridge.registrations()[0]?.name, 'kept')
})

test('while the server of a stamp is away its agents answer, and then they share what happened', async (t) => {
  const { keptn, a, b } = await rig(t)
  const id = await registerOver(a.url, wanted())
  await eventually('both know it', async () => (await known(b)).length === 1)
  await keptn.kill()
  await eventually('they notice', () => !a.side.state.connected && !b.side.state.connected)
  t.is((await ping(a, id)).status, 200)
  t.is((await ping(b, id)).status, 200)
  await keptn.restart()
  await eventually('they are back', () => a.side.state.connected && b.side.state.connected)
  await call(a.url, 'PUT', `${BASE}/${id}/subscription/mine`, { event: TEST })
  await eventually(
    'the other learns of it',
    async () => (await known(b))[0]?.subscriptions.length === 2,
  )
  const next = await registerOver(b.url, wanted({ name: 'next' }))
  t.is((await ping(a, next)).status, 200)
})

test('an unknown id is unknown, and an agent that cannot look it up says so', async (t) => {
  const { keptn, a } = await rig(t)
  const unknown = '0'.repeat(40)
  t.is((await ping(a, unknown)).status, 404)
  for (const odd of ['x', '%3E', '*', 'a.b', 'a%20b']) t.is((await ping(a, odd)).status, 404)
  await keptn.kill()
  t.like(await ping(a, unknown), { status: 503, json: { code: 503 } })
})

test('a record that had nothing to store stores what comes after that', async (t) => {
  const { a } = await rig(t)
  const plan = { name: 'test', ttlMs: 60_000, replicas: 1 }
  const bucket = await Bucket.open<unknown>(new Store(a.side), plan)
  const entry = { registration: { ...wanted(), id: 'one' }, hadPinged: true }
  const view = {
    entry: () => ({ ...entry, upstream: undefined, isRemoved: false }),
    shared: () => {},
  }
  const record = new RegistrationsRecord(bucket, view, (error) => t.fail(String(error)))
  await record.flush()
  await record.change('one', (it) => it)
  t.true(record.isStored('one'))
  t.like((await bucket.get('one'))?.value, entry)
})
