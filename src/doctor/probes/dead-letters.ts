import { storeNames } from '../../domain/store-names.ts'
import type { Scope } from '../../domain/subject.ts'
import { deadLetterPattern, parseDeadLetterSubject } from '../../domain/subject.ts'
import type { DeadLetterFacts, SetupFacts } from '../facts.ts'
import type { ConnectedSides, StorePlace } from './places.ts'
import { hubPlaces, isHome, keptnPlace, usesGateway } from './places.ts'

/** What lies in the dead letters: in the hub store, or in the stamp itself where its link is https. */
export async function readDeadLetters(
  setup: SetupFacts,
  { gateway, keptn }: ConnectedSides,
): Promise<readonly DeadLetterFacts[] | string> {
  if (!usesGateway(setup)) {
    const { federation, controlPlanes } = setup.topology
    const [plane] = controlPlanes
    if (keptn === undefined || plane === undefined) return 'the Keptn NATS is not connected'
    return lettersIn(keptnPlace(keptn), { federation, controlPlane: plane.name })
  }
  if (gateway === undefined) return 'the gateway NATS is not connected'
  const places = hubPlaces(gateway, setup).filter(({ plane }) => isHome(setup, plane))
  if (places.length === 0)
    return 'this stamp may not look into the hub store; run it in the home stamp'
  const found = await Promise.all(places.map((place) => lettersIn(place, place.scope)))
  return found.flat()
}

async function lettersIn({ look }: StorePlace, scope: Scope): Promise<readonly DeadLetterFacts[]> {
  const stream = await look.stream(storeNames(scope).deadLetters, deadLetterPattern(scope))
  if (stream.kind !== 'found') return []
  const { messages, lastAt, bySubject } = stream.value
  const groups = [...bySubject].map(([subject, count]) => {
    const { stamp = '?', reason = '?' } = parseDeadLetterSubject(subject) ?? {}
    return { stamp, reason, count }
  })
  return [{ controlPlane: scope.controlPlane, total: messages, lastAt, groups }]
}
