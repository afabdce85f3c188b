import { storeNames } from '../../domain/store-names.ts'
import { deadLetterPattern, parseDeadLetterSubject } from '../../domain/subject.ts'
import type { NatsSide } from '../../links/nats-side.ts'
import type { DeadLetterFacts, SetupFacts } from '../facts.ts'
import { hubPlaces, isHome } from './places.ts'

/** What lies in the dead letters; only a home stamp may look. */
export async function readDeadLetters(
  setup: SetupFacts,
  gateway: NatsSide,
): Promise<readonly DeadLetterFacts[] | string> {
  const places = hubPlaces(gateway, setup).filter(({ plane }) => isHome(setup, plane))
  if (places.length === 0)
    return 'this stamp may not look into the hub store; run it in the home stamp'
  const found = await Promise.all(
    places.map(async ({ plane, scope, look }) => {
      const stream = await look.stream(storeNames(scope).deadLetters, deadLetterPattern(scope))
      if (stream.kind !== 'found') return []
      const { messages, lastAt, bySubject } = stream.value
      const groups = [...bySubject].map(([subject, count]) => {
        const { stamp = '?', reason = '?' } = parseDeadLetterSubject(subject) ?? {}
        return { stamp, reason, count }
      })
      return [{ controlPlane: plane.name, total: messages, lastAt, groups }]
    }),
  )
  return found.flat()
}
