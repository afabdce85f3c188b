import type { Scope } from './subject.ts'

/** The names of streams, consumers and buckets, made in this one place (DESIGN 4). */

/** The stream of a Keptn NATS that republishes to `sh.keptn.>`: the only way in. */
export const INBOUND_STREAM = 'SIGNET_IN'
export const INBOUND_PATTERN = 'signet.in.>'
/** The stream that collects what a stamp's integrations publish; never at home (wire 1.7). */
export const LOCAL_STREAM = 'SIGNET_LOCAL'
/** Keptn's own stream in the home stamp, which shipyard-controller makes (wire 1.7). */
export const KEPTN_STREAM = 'keptn'
export const KEPTN_PATTERN = 'sh.keptn.>'
/** The bucket of a stamp's Keptn NATS by which its agents agree on the one that leads. */
export const LEASE_BUCKET = 'signet_lease'
/** The bucket of a stamp's Keptn NATS that keeps which integrations registered there. */
export const REGISTRATIONS_BUCKET = 'signet_registrations'

/** The bucket of a stamp's Keptn NATS that keeps which events have begun to be sent over HTTPS. */
export const SENDING_BUCKET = 'signet_sending'

/** What the agents of one stamp tell each other of pings, on its Keptn NATS; never under `sh.keptn.>`. */
export const PINGS_SUBJECT = 'signet.pings'
/** The stream of a stamp's Keptn NATS that keeps copies of immutable resources; they can be had again. */
export const CACHE_STREAM = 'SIGNET_CACHE'
export const CACHE_PREFIX = 'signet.cache'

export interface StoreNames {
  readonly down: string
  readonly up: string
  readonly deadLetters: string
  readonly fanoutBucket: string
  readonly stampsBucket: string
  readonly callsBucket: string
  /** By which the agents of the home stamp agree on the one that is the hub. */
  readonly leaseBucket: string
}

/** What a control plane has in its hub store. Names hold no underscore, so these cannot clash. */
export function storeNames({ federation, controlPlane }: Scope): StoreNames {
  const stem = `${federation}_${controlPlane}`
  return {
    down: `SIGNET_${stem}_DOWN`,
    up: `SIGNET_${stem}_UP`,
    deadLetters: `SIGNET_${stem}_DLQ`,
    fanoutBucket: `signet_${stem}_fanout`,
    stampsBucket: `signet_${stem}_stamps`,
    callsBucket: `signet_${stem}_calls`,
    leaseBucket: `signet_${stem}_lease`,
  }
}

/** Every durable consumer carries the name of the stamp that reads with it. */
export function durableName(stamp: string): string {
  return `signet-${stamp}`
}

/**
 * The durable consumer that brings a recipient its events. Names of integrations hold what NATS does not
 * take; escaped, two of them never make one.
 */
export function recipientDurable(stamp: string, name: string, namespace: string): string {
  return `${durableName(stamp)}_to_${escaped(namespace)}__${escaped(name)}`
}

/** Letters, digits and hyphens stay; all else is `_` and its code. */
function escaped(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9-]/g, (letter) => `_${letter.charCodeAt(0).toString(16)}_`)
}

/** The stream behind a bucket, as the NATS client names it. */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`
}

/** What the subjects of the JetStream API begin with: of a domain, or of the server one is connected to. */
export function apiPrefix(domain?: string): string {
  return domain === undefined ? '$JS.API' : `$JS.${domain}.API`
}
