import type { JetStreamManager } from '@nats-io/jetstream'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { Federation } from '../src/demo/federation.ts'
import { federationUser } from '../src/demo/nats-config.ts'

/** How a client reaches a server. */
export interface Address {
  readonly servers: string
  readonly user?: string
  readonly pass?: string
}

/** One JetStream on the events' way. */
export interface End {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly address: Address
  /** The JetStream domain to ask for; undefined for the server's own. */
  readonly domain: string | undefined
}

/** The three JetStreams on the events' way: of Keptn at home, of the hub store, and of Keptn in the stamp. */
export interface Ends {
  readonly home: End
  readonly store: End
  readonly stamp: End
}

/** A stream at one of the ends. */
export interface Place {
  readonly end: End
  readonly stream: string
}

/** Connects to all three, as whoever measures. */
export async function openEnds(
  { supercluster }: Federation,
  names: { readonly home: string; readonly stamp: string; readonly domain: string },
): Promise<Ends> {
  const { home, stamp, domain } = names
  return {
    home: await openEnd({ servers: supercluster.keptn(home).url }, undefined),
    store: await openEnd({ servers: supercluster.gatewayOf(stamp).url, ...federationUser }, domain),
    stamp: await openEnd({ servers: supercluster.keptn(stamp).url }, undefined),
  }
}

export async function closeEnds(ends: Ends): Promise<void> {
  await Promise.all(Object.values(ends).map(({ connection }: End) => connection.close()))
}

/** The sequence of a stream's last message; 0 where there never was one. */
export async function lastSequence({ end, stream }: Place): Promise<number> {
  return (await end.manager.streams.info(stream)).state.last_seq
}

async function openEnd(address: Address, domain: string | undefined): Promise<End> {
  const connection = await connect({ ...address })
  const manager = await jetstreamManager(connection, domain === undefined ? {} : { domain })
  return { connection, manager, address, domain }
}
