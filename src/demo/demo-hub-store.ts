import type { JetStreamManager } from '@nats-io/jetstream'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { storeNames } from '../domain/store-names.ts'
import { federationUser } from './nats-config.ts'
import { demoNames } from './demo-plan.ts'
import type { Federation } from './federation.ts'
import { connectLikeKeptn } from './keptn/nats-connection.ts'

const names = storeNames(demoNames)
/** The JetStream domain that federations on one machine have their hub store in. */
const domain = 'hub'

/** What the hub keeps of a stamp, as far as it is read here. */
interface KnownStamp {
  readonly integrations?: readonly { readonly name: string }[] | null
}

/** A look into the hub store, from outside and without a change to anything. */
export class HubStoreView {
  readonly #nc: NatsConnection
  readonly #api: JetStreamManager

  static async open(federation: Federation): Promise<HubStoreView> {
    const { url } = federation.supercluster.gateway(federation.options.home.geo)
    const { user, pass } = federationUser
    const access = { natsUrl: url, natsUser: user, natsPassword: pass }
    const nc = await connectLikeKeptn(access, 'hub store view')
    return new HubStoreView(nc, await jetstreamManager(nc, { domain, checkAPI: false }))
  }

  constructor(nc: NatsConnection, api: JetStreamManager) {
    this.#nc = nc
    this.#api = api
  }

  /** How many dead letters there are, by subject. */
  async deadLetters(): Promise<Readonly<Record<string, number>>> {
    const { state } = await this.#api.streams.info(names.deadLetters, { subjects_filter: '>' })
    return state.subjects ?? {}
  }

  /** How many messages, in both directions, a stamp or the hub has yet to take or to acknowledge. */
  async onTheWay(): Promise<number> {
    const counts = await Promise.all(
      [names.down, names.up].map(async (stream) => {
        let count = 0
        for await (const info of this.#api.consumers.list(stream)) {
          count += info.num_pending + info.num_ack_pending
        }
        return count
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** The names of the integrations that the hub knows of in a stamp. */
  async integrationsOf(stamp: string): Promise<readonly string[]> {
    const bucket = `KV_${names.stampsBucket}`
    const last_by_subj = `$KV.${names.stampsBucket}.${stamp}`
    const message = await this.#api.streams.getMessage(bucket, { last_by_subj })
    const { integrations } = message?.json<KnownStamp>() ?? {}
    return (integrations ?? []).map(({ name }) => name)
  }

  async close(): Promise<void> {
    await this.#nc.close()
  }
}
