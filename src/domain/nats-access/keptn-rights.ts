import {
  apiPrefix,
  CACHE_PREFIX,
  CACHE_STREAM,
  INBOUND_PATTERN,
  INBOUND_STREAM,
  KEPTN_PATTERN,
  KEPTN_STREAM,
  LEASE_BUCKET,
  LOCAL_STREAM,
  PINGS_SUBJECT,
  REGISTRATIONS_BUCKET,
  SENDING_BUCKET,
  storeNames,
} from '../store-names.ts'
import type { Scope } from '../subject.ts'
import { deadLetterPattern, inboxPrefix } from '../subject.ts'
import { bucketOwner, consumerOwner, streamOwner } from './jetstream-rights.ts'
import type { Hear, Rights, Say } from './rights.ts'

/** The agents of a stamp on its own Keptn NATS. */
export function agentRights(stamp: string, scopes: readonly Scope[]): Rights {
  const owned = [INBOUND_STREAM, LOCAL_STREAM]
  return {
    says: [
      ...basics(stamp),
      say(
        KEPTN_PATTERN,
        'one',
        'events that integrations post, and all where JetStream is missing',
      ),
      ...owned.flatMap((stream) => [...streamOwner(stream), ...consumerOwner(stream)]),
      ...streamOwner(CACHE_STREAM),
      say(`${CACHE_PREFIX}.>`, 'one', 'resources to keep'),
      say(PINGS_SUBJECT, 'none', 'pings, to the other agents'),
      ...[REGISTRATIONS_BUCKET, SENDING_BUCKET, LEASE_BUCKET].flatMap((bucket) =>
        bucketOwner(bucket),
      ),
      // Where the link is https, what is set aside stays in the stamp.
      ...scopes.flatMap((scope) => [
        ...streamOwner(storeNames(scope).deadLetters),
        say(deadLetterPattern(scope), 'one', 'dead letters, where the link is https'),
      ]),
    ],
    hears: [
      inbox(stamp),
      hear(PINGS_SUBJECT, 'pings, from the other agents'),
      hear(KEPTN_PATTERN, 'what integrations say, where JetStream is missing'),
    ],
  }
}

/** The agents of a home stamp on Keptn's own NATS. */
export function homeAgentRights(home: string): Rights {
  return {
    says: [
      ...basics(home),
      ...streamOwner(INBOUND_STREAM),
      ...consumerOwner(INBOUND_STREAM),
      say(`${apiPrefix()}.STREAM.INFO.${KEPTN_STREAM}`, 'one', 'how far Keptn’s stream is'),
      say(`${apiPrefix()}.STREAM.MSG.GET.${KEPTN_STREAM}`, 'one', 'read one message of it'),
      ...consumerOwner(KEPTN_STREAM),
      say(KEPTN_PATTERN, 'one', 'what a killed server stored and did not say'),
    ],
    hears: [inbox(home)],
  }
}

/** Integrations, which connect without credentials: Keptn's subjects, and no JetStream. */
export function integrationRights(stamp: string): Rights {
  return {
    says: [say(KEPTN_PATTERN, 'one', 'events')],
    hears: [hear(KEPTN_PATTERN, 'events'), hear('_INBOX.>', 'their own inboxes')],
    hearsNot: [`${inboxPrefix(stamp)}.>`],
  }
}

/** Keptn's own components at home: the same, and the stream that shipyard-controller makes (wire 1.7). */
export function keptnRights(home: string): Rights {
  const { says, ...rest } = integrationRights(home)
  return {
    says: [
      ...says,
      say(`${apiPrefix()}.INFO`, 'one', 'whether there is JetStream'),
      say(`${apiPrefix()}.STREAM.NAMES`, 'one', 'find the stream of a subject'),
      ...streamOwner(KEPTN_STREAM),
      ...consumerOwner(KEPTN_STREAM),
    ],
    ...rest,
  }
}

function basics(agent: string): Say[] {
  return [
    say(`${apiPrefix()}.INFO`, 'one', 'whether there is JetStream'),
    say(`${apiPrefix()}.STREAM.NAMES`, 'one', 'whether another stream has Keptn’s subjects'),
    say(INBOUND_PATTERN, 'one', 'the way in'),
    say(`${inboxPrefix(agent)}.>`, 'none', 'the probe for two sides of one account'),
  ]
}

function inbox(client: string): Hear {
  return hear(`${inboxPrefix(client)}.>`, 'its own inboxes')
}

function say(subject: string, answers: Say['answers'], why: string): Say {
  return { subject, answers, why }
}

function hear(subject: string, why: string): Hear {
  return { subject, why }
}
