import { CHANGING_VERBS, READING_VERBS } from '../control.ts'
import { apiPrefix, durableName, storeNames } from '../store-names.ts'
import type { Scope, StampName } from '../subject.ts'
import {
  apiFlowPattern,
  apiPattern,
  controlPattern,
  controlSubject,
  deadLetterPattern,
  directionPattern,
  inboxPrefix,
  linkPattern,
  presencePattern,
  stampApiFlowPattern,
  stampApiPattern,
  stampDeadLetterPattern,
  stampPresencePattern,
} from '../subject.ts'
import { bucketOwner, consumerOwner, consumerReader, streamOwner } from './jetstream-rights.ts'
import type { Hear, Rights, Say } from './rights.ts'

/** A control plane as those see it who reach its hub store. */
export interface Plane {
  readonly scope: Scope
  readonly storeDomain: string
  /** The home stamp's name. */
  readonly home: string
}

/** A stamp: itself, and nothing else (DESIGN 4). It creates nothing. */
export function stampRights({ scope, storeDomain }: Plane, stamp: StampName): Rights {
  const { down } = storeNames(scope)
  const own = `of ${stamp.stamp}`
  return {
    says: [
      say(linkPattern(scope, 'up', stamp), 'one', `events ${own}, to the hub store`),
      say(stampDeadLetterPattern(scope, stamp), 'one', `dead letters ${own}`),
      say(stampPresencePattern(scope, stamp), 'none', `presence ${own}`),
      say(stampApiPattern(scope, stamp), 'many', `calls ${own} to Keptn's API`),
      say(stampApiFlowPattern(scope, stamp), 'none', `bodies ${own} in both directions`),
      ...consumerReader(down, durableName(stamp.stamp), storeDomain),
    ],
    hears: [inbox(stamp.stamp)],
  }
}

/** The agents of a home stamp: what the hub does. */
export function hubRights({ scope, storeDomain, home }: Plane): Rights {
  const { down, up, deadLetters, ...buckets } = storeNames(scope)
  const { fanoutBucket, stampsBucket, callsBucket, leaseBucket } = buckets
  return {
    says: [
      say(directionPattern(scope, 'down'), 'one', 'copies for stamps'),
      say(directionPattern(scope, 'up'), 'one', 'answers that stamps posted to Keptn’s API'),
      say(deadLetterPattern(scope), 'one', 'dead letters'),
      say(apiFlowPattern(scope, '*'), 'many', 'whether another hub agent is there'),
      say(controlPattern(scope), 'many', 'commands that run in the home stamp'),
      say(`${inboxPrefix(home)}.>`, 'none', 'answers to agents of the home stamp'),
      say('_R_.>', 'none', 'answers to other accounts'),
      say('_GR_.>', 'none', 'answers across gateways'),
      say(`${apiPrefix(storeDomain)}.INFO`, 'one', 'whether the hub store is there'),
      ...[down, up, deadLetters].flatMap((stream) => [
        ...streamOwner(stream, storeDomain),
        ...consumerOwner(stream, storeDomain),
      ]),
      say(
        `${apiPrefix(storeDomain)}.STREAM.MSG.DELETE.${down}`,
        'one',
        'take copies back that nobody needs any more',
      ),
      say(
        `${apiPrefix(storeDomain)}.STREAM.MSG.DELETE.${deadLetters}`,
        'one',
        'take out dead letters that are put back or purged',
      ),
      ...[fanoutBucket, stampsBucket, callsBucket, leaseBucket].flatMap((bucket) =>
        bucketOwner(bucket, storeDomain),
      ),
    ],
    hears: [
      inbox(home),
      hear(presencePattern(scope), 'which stamps are there'),
      hear(apiPattern(scope), 'calls to Keptn’s API'),
      hear(apiFlowPattern(scope, '*'), 'bodies of calls'),
      hear(controlPattern(scope), 'commands'),
    ],
  }
}

/** The leaf link of a hub store, as its gateway server sees it: what the store itself does. */
export function storeRights({ scope, storeDomain, home }: Plane): Rights {
  return {
    says: [
      say(`${inboxPrefix(home)}.>`, 'none', 'what the hub has asked for'),
      say('_R_.>', 'none', 'answers to other accounts'),
      say('_GR_.>', 'none', 'answers across gateways'),
    ],
    hears: [
      hear(`${apiPrefix(storeDomain)}.>`, 'its JetStream API'),
      hear('$JS.ACK.>', 'acknowledgements'),
      hear('$JS.FC.>', 'flow control'),
      hear(directionPattern(scope, 'down'), 'its stream of copies'),
      hear(directionPattern(scope, 'up'), 'its stream of events'),
      hear(deadLetterPattern(scope), 'its stream of dead letters'),
      hear('_R_.>', 'answers to other accounts'),
      hear('_GR_.>', 'answers across gateways'),
    ],
  }
}

/** Inboxes of people: commands that run beside no agent. */
const PEOPLE = 'signet'

/** People who may look. */
export function readerRights(scope: Scope): Rights {
  return { says: verbs(scope, READING_VERBS), hears: [inbox(PEOPLE)] }
}

/** People who may change something as well. */
export function operatorRights(scope: Scope): Rights {
  return { says: verbs(scope, [...READING_VERBS, ...CHANGING_VERBS]), hears: [inbox(PEOPLE)] }
}

function verbs(scope: Scope, list: readonly string[]): Say[] {
  return list.map((verb) => say(controlSubject(scope, verb), 'many', `ask the hub: ${verb}`))
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
