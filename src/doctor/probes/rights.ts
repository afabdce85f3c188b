import { apiPrefix, durableName, storeNames } from '../../domain/store-names.ts'
import { linkPattern, linkSubject } from '../../domain/subject.ts'
import type { NatsSide } from '../../links/nats-side.ts'
import type { Allowed } from '../../links/trespass.ts'
import { mayAsk, mayListen, mayPublish } from '../../links/trespass.ts'
import type { RightsFacts, SetupFacts } from '../facts.ts'
import type { HubStorePlace } from './places.ts'
import { hubPlaces } from './places.ts'

/** A stamp that no federation has: whoever reads the server's log knows who tried. */
const NOBODY = 'signet-doctor'
const TAIL = 'event.signet-doctor.asked'
const ANSWER_MS = 2_000

/** What the user of this stamp may do in the hub stores, and what it should not. Stores nothing. */
export async function readRights(
  setup: SetupFacts,
  gateway: NatsSide,
): Promise<readonly RightsFacts[] | string> {
  const { standing } = setup
  const stamp = standing.ok && standing.homeOf.length === 0 ? standing.stamp : undefined
  if (stamp === undefined) return 'the hub of a home stamp speaks for the federation'
  const place = { geo: stamp.geo, ring: stamp.ring, stamp: stamp.name }
  return Promise.all(hubPlaces(gateway, setup).map((hub) => rightsIn(gateway, hub, place)))
}

async function rightsIn(
  gateway: NatsSide,
  { scope, plane, look }: HubStorePlace,
  place: { readonly geo: string; readonly ring: string; readonly stamp: string },
): Promise<RightsFacts> {
  const nobody = { ...place, stamp: NOBODY }
  const { down } = storeNames(scope)
  const own = linkSubject(scope, 'up', place, TAIL)
  const [speaks, hears, makes, says, reads] = await Promise.all([
    mayPublish(gateway, linkSubject(scope, 'up', nobody, TAIL), ANSWER_MS),
    mayListen(gateway, linkPattern(scope, 'down', nobody)),
    mayAsk(gateway, `${apiPrefix(plane.storeDomain)}.STREAM.CREATE.signet-doctor`, ANSWER_MS),
    mayPublish(gateway, own, ANSWER_MS),
    look.consumer(down, durableName(place.stamp)),
  ])
  return {
    controlPlane: plane.name,
    speaksForOthers: verdict(speaks),
    hearsOthers: verdict(hears),
    makesStreams: verdict(makes),
    lacks: [
      ...(says === 'refused' ? [`it may not publish to ${own}`] : []),
      ...(reads.kind === 'forbidden' ? [`it may not ask for its consumer of ${down}`] : []),
    ],
  }
}

function verdict(allowed: Allowed): boolean | undefined {
  return allowed === 'unknown' ? undefined : allowed === 'allowed'
}
