import test from 'ava'
import { randomUUID } from 'node:crypto'
import { begin } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, stampsIn, startRig } from '../support/federation.ts'
import { eventOf } from '../support/keptn-event.ts'
import { LoopbackHttp } from '../support/loopback-http.ts'

interface Posted {
  readonly id: string
  readonly shkeptncontext: string
}

let rig: Rig
let recipient: LoopbackHttp

test.serial.before(async () => {
  recipient = await LoopbackHttp.start((_, response) => {
    response.writeHead(200).end()
  })
  rig = await startRig({
    stamps: stampsIn(['eu'], ['a']),
    // A distributor's environment, and nothing else.
    environment: {
      PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered',
      PUBSUB_RECIPIENT: 'http://127.0.0.1',
      PUBSUB_RECIPIENT_PORT: String(recipient.port),
      K8S_DEPLOYMENT_NAME: 'helm-service',
      K8S_NAMESPACE: 'keptn',
    },
  })
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(async () => {
  await rig[Symbol.asyncDispose]()
  await recipient[Symbol.asyncDispose]()
})

const posts = (): readonly Posted[] => recipient.came.map(({ body }) => JSON.parse(body) as Posted)
const timesOf = (context: string): number =>
  posts().filter(({ shkeptncontext }) => shkeptncontext === context).length

/** Answers the event that was posted in a context, as its integration does on NATS. */
async function answer(context: string): Promise<void> {
  const { id } = await eventually(
    () => posts().find(({ shkeptncontext }) => shkeptncontext === context),
    30_000,
    'it is posted',
  )
  const over = { shkeptncontext: context, triggeredid: id, source: 'helm-service' }
  const ends = { result: 'pass', status: 'succeeded' }
  for (const [kind, data] of [
    ['started', {}],
    ['finished', ends],
  ] as const) {
    const type = `sh.keptn.event.deployment.${kind}`
    await rig.publish('a', type, JSON.stringify(eventOf(type, { ...over, id: randomUUID() }, data)))
  }
}

test.serial('the variables of a distributor alone make an integration', async (t) => {
  const { context } = await begin(rig)
  await answer(context)
  const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 60_000 })
  t.is(view.outcome?.result, 'pass')
  t.is(timesOf(context), 1)
})

test.serial('an agent that is killed before it knows of an answer posts once more', async (t) => {
  t.timeout(120_000)
  const agent = rig.agent('a')
  for (const isAnswered of [false, true]) {
    const killed = new Promise<void>((resolve) => {
      recipient.respond = async (_, response) => {
        recipient.respond = (__, next) => {
          next.writeHead(200).end()
        }
        if (isAnswered) response.writeHead(200).end()
        await agent.kill()
        response.destroy()
        resolve()
      }
    })
    const { context } = await begin(rig, { service: isAnswered ? 'one' : 'two' })
    await killed
    agent.start()
    await agent.ready()
    await answer(context)
    const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 90_000 })
    t.is(view.outcome?.result, 'pass')
    if (!isAnswered) await eventually(() => timesOf(context) > 1, 30_000, 'it comes again')
    t.true(timesOf(context) <= 2)
  }
})
