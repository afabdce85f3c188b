import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import { randomUUID } from 'node:crypto'
import type { KeptnDoubleOptions } from '../../src/demo/keptn/double-options.ts'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { Shipyard } from '../../src/demo/keptn/shipyard.ts'
import { eventually } from './eventually.ts'
import { natsServer } from './nats-server.ts'

/** `dev.delivery` of deployment and test, and the same in prod after it. */
export const twoStages: Shipyard = {
  spec: {
    stages: [
      {
        name: 'dev',
        sequences: [
          {
            name: 'delivery',
            tasks: [
              { name: 'deployment', properties: { deploymentstrategy: 'direct' } },
              { name: 'test', properties: { teststrategy: 'functional' } },
            ],
          },
        ],
      },
      {
        name: 'prod',
        sequences: [
          {
            name: 'delivery',
            triggeredOn: [{ event: 'dev.delivery.finished' }],
            tasks: [{ name: 'deployment' }, { name: 'test' }],
          },
        ],
      },
    ],
  },
}

/** A Keptn double with quick clocks on a server of its own, gone after the test. */
export async function rig(t: ExecutionContext, over: Partial<KeptnDoubleOptions> = {}) {
  const server = await natsServer({ jetstream: true })
  const keptn = await startKeptnDouble({
    natsUrl: server.url,
    shipyard: twoStages,
    dispatchMs: 30,
    watcherMs: 30,
    ...over,
  })
  const nc = await connect({ servers: server.url })
  t.teardown(async () => {
    await keptn.stop()
    await nc.close()
    await server[Symbol.asyncDispose]()
  })
  const byHand = async () => {
    const run = new ByHand(keptn, nc)
    t.teardown(() => run.end())
    await run.start()
    return run
  }
  return { keptn, nc, server, byHand }
}

/** One sequence whose tasks are answered by hand, each answer awaited until it was looked at. */
export class ByHand {
  readonly #nc: NatsConnection
  readonly #keptn: KeptnDouble
  readonly #taken = new Set<string>()
  readonly #forget: () => void
  readonly service: string
  context = ''
  id = ''

  constructor(keptn: KeptnDouble, nc: NatsConnection) {
    this.#keptn = keptn
    this.#nc = nc
    this.service = `service-${randomUUID()}`
    this.#forget = keptn.onChange((change) => {
      if ('eventId' in change) this.#taken.add(change.eventId)
    })
  }

  async start(stage = 'dev', sequence = 'delivery'): Promise<void> {
    const trigger = { project: 'shop', stage, sequence, service: this.service }
    const { context, id } = await this.#keptn.triggerSequence(trigger)
    this.context = context
    this.id = id
  }

  /** The id of the `.triggered` of that task, once it is the current one. */
  async task(name: string): Promise<string> {
    return await eventually(`task ${name}`, () => {
      const open = this.latest()?.tasks.find((task) => task.result === undefined)
      return open?.name === name ? open.triggeredId : undefined
    })
  }

  /** Publishes an answer and waits until it was counted or dropped. Returns its id. */
  async answer(
    task: string,
    kind: 'started' | 'finished',
    triggeredid: string,
    over: { readonly id?: string; readonly source?: string; readonly data?: object } = {},
  ): Promise<string> {
    const { id = randomUUID(), source = 'A', data = {} } = over
    this.publish({
      id,
      source,
      type: `sh.keptn.event.${task}.${kind}`,
      triggeredid,
      data: {
        project: 'shop',
        stage: 'dev',
        service: this.service,
        ...(kind === 'finished' && { result: 'pass', status: 'succeeded' }),
        ...data,
      },
    })
    const before = this.#keptn.dropped().length
    this.#taken.delete(id)
    await eventually(`answer ${id} is looked at`, () => {
      const dropped = this.#keptn.dropped().slice(before)
      return this.#taken.has(id) || dropped.some((event) => event.eventId === id)
    })
    return id
  }

  publish(fields: Readonly<Record<string, unknown>>): void {
    const event = {
      specversion: '1.0',
      time: new Date().toISOString(),
      shkeptncontext: this.context,
      ...fields,
    }
    this.#nc.publish(String(fields['type']), JSON.stringify(event))
  }

  latest() {
    return this.#keptn.sequence(this.context).at(-1)
  }

  /** The sources and kinds of what was dropped for this context. */
  dropped(): readonly string[] {
    return this.#keptn
      .dropped()
      .filter((event) => event.context === this.context)
      .map((event) => event.type.split('.').at(-1) ?? '')
  }

  end(): void {
    this.#forget()
  }
}
