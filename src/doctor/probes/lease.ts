import { bucketStream } from '../../domain/store-names.ts'
import { parseJsonObject } from '../../domain/json.ts'
import type { LeaseFacts, SetupFacts } from '../facts.ts'
import type { ConnectedSides } from './places.ts'
import { leasePlace } from './places.ts'

/** Who leads this stamp and who is there. Reads the bucket of the lease, and takes no part in it. */
export async function readLease(
  setup: SetupFacts,
  sides: ConnectedSides,
): Promise<LeaseFacts | string> {
  const found = leasePlace(setup, sides)
  if (found === undefined) return 'the server of the lease is not connected'
  const { place, bucket } = found
  const prefix = `$KV.${bucket}.agent.`
  const stream = await place.look.stream(bucketStream(bucket), `${prefix}*`)
  if (stream.kind === 'missing') return { leader: undefined, agents: [] }
  if (stream.kind !== 'found') return `${place.name} does not show the lease`
  const ids = [...stream.value.bySubject.keys()].map((subject) => subject.slice(prefix.length))
  const agents = await Promise.all(
    ids.toSorted().map(async (id) => {
      const entry = await place.look.entry(bucket, `agent.${id}`)
      const { version } = parseJsonObject(entry.kind === 'found' ? entry.value.value : '') ?? {}
      return { id, version: typeof version === 'string' ? version : '' }
    }),
  )
  const leader = await place.look.entry(bucket, 'leader')
  const holding = parseJsonObject(leader.kind === 'found' ? leader.value.value : '')
  const holder = holding?.['handedOver'] === true ? undefined : holding?.['agent']
  return {
    leader: typeof holder === 'string' ? holder : undefined,
    // One that went while we looked.
    agents: agents.filter(({ version }) => version !== ''),
  }
}
