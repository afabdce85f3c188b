import type { NatsConnection } from '@nats-io/transport-node'
import { connect, PermissionViolationError } from '@nats-io/transport-node'
import { passwordOf } from '../../src/demo/secured-servers.ts'
import { inboxPrefix } from '../../src/domain/subject.ts'
import type { Rig } from './federation.ts'

/** Somebody with the credentials of a stamp's agents, who does with them what he likes. */
export class Hostile implements AsyncDisposable {
  readonly nc: NatsConnection
  readonly #refused: PermissionViolationError[] = []

  static async of(rig: Rig, stamp: string): Promise<Hostile> {
    const user = `stamp-${stamp}`
    const nc = await connect({
      servers: rig.supercluster.gatewayOf(stamp).url,
      user,
      pass: passwordOf(user),
      inboxPrefix: inboxPrefix(stamp),
    })
    return new Hostile(nc)
  }

  constructor(nc: NatsConnection) {
    this.nc = nc
    void this.#listen()
  }

  /** Publishes, and tells whether the server refused it. */
  async says(subject: string, body = '{}', reply?: string): Promise<'refused' | 'taken'> {
    const before = this.#refused.length
    this.nc.publish(subject, body, reply === undefined ? {} : { reply })
    return this.#outcome(subject, before)
  }

  /** Subscribes, and tells whether the server refused it. */
  async hears(subject: string): Promise<'refused' | 'taken'> {
    const before = this.#refused.length
    const subscription = this.nc.subscribe(subject, { callback: () => undefined })
    const outcome = await this.#outcome(subject, before)
    subscription.unsubscribe()
    return outcome
  }

  /** The server answers a ping after what it refused; the client tells of that in a turn of its own. */
  async #outcome(subject: string, before: number): Promise<'refused' | 'taken'> {
    await this.nc.flush()
    await new Promise(setImmediate)
    const isRefused = this.#refused.slice(before).some((error) => error.subject === subject)
    return isRefused ? 'refused' : 'taken'
  }

  async #listen(): Promise<void> {
    for await (const status of this.nc.status())
      if (status.type === 'error' && status.error instanceof PermissionViolationError)
        this.#refused.push(status.error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nc.close()
  }
}

/**
 * What lies in the hub store, as numbers: any change shows. The hub renews entries of its buckets at its own
 * pace, which moves their first sequence.
 */
export async function storeFacts(rig: Rig): Promise<Readonly<Record<string, string>>> {
  const api = await rig.hubStore()
  const facts: Record<string, string> = {}
  for await (const { config, state, created } of api.streams.list()) {
    const first = config.name.startsWith('KV_') ? 'any' : state.first_seq
    facts[config.name] = `${created} ${first} ${state.messages} ${state.consumer_count}`
  }
  return facts
}
