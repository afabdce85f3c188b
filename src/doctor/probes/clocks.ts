import { INBOUND_STREAM, storeNames } from '../../domain/store-names.ts'
import { sleep } from '../../runtime/clock.ts'
import type { ClockFacts, HubFacts, SetupFacts } from '../facts.ts'
import type { ConnectedSides, StorePlace } from './places.ts'
import { hubPlaces, isHome, keptnPlace, leasePlace } from './places.ts'

/** A leader renews its lease every second. */
const LOOK_MS = 200
const LOOKS = 15

/**
 * How the clocks of the servers stand to ours. Servers from 2.10 on tell theirs with an answer; of older ones
 * we watch for the next renewal of the lease, which was stored between two of our looks.
 */
export async function readClocks(
  setup: SetupFacts,
  sides: ConnectedSides,
  signal: AbortSignal,
): Promise<readonly ClockFacts[]> {
  const { gateway, keptn } = sides
  const hubs = gateway === undefined ? [] : hubPlaces(gateway, setup)
  const clocks = await Promise.all([
    ...(keptn === undefined ? [] : [askServer(keptnPlace(keptn), INBOUND_STREAM)]),
    ...hubs
      .filter(({ plane }) => isHome(setup, plane))
      .map((place) => askServer(place, storeNames(place.scope).down)),
  ])
  const told = clocks.filter((it) => it !== undefined)
  if (told.length > 0) return told
  const lease = leasePlace(setup, sides)
  const watched = lease && (await watchLease(lease.place, lease.bucket, signal))
  return watched === undefined ? [] : [watched]
}

async function askServer({ name, look }: StorePlace, stream: string) {
  const asked = Date.now()
  const answer = await look.stream(stream)
  if (answer.kind !== 'found' || answer.value.serverAt === undefined) return undefined
  return clock(name, answer.value.serverAt, asked, Date.now())
}

async function watchLease({ name, look }: StorePlace, bucket: string, signal: AbortSignal) {
  let asked = Date.now()
  let last = await look.entry(bucket, 'leader')
  for (let looked = 0; looked < LOOKS && last.kind === 'found'; looked += 1) {
    await sleep(LOOK_MS, signal)
    const askedNow = Date.now()
    const now = await look.entry(bucket, 'leader')
    if (now.kind === 'found' && now.value.revision > last.value.revision)
      return clock(name, now.value.storedAt, asked, Date.now())
    asked = askedNow
    last = now
  }
  return undefined
}

/** The hub tells its clock with its status; it was somewhere between question and answer. */
export function hubClocks(
  hubs: readonly (HubFacts & { readonly askedAt: number; readonly answeredAt: number })[],
): readonly ClockFacts[] {
  return hubs.flatMap(({ controlPlane, answer, askedAt, answeredAt }) =>
    answer.kind === 'answered'
      ? [clock(`the hub of ${controlPlane}`, Date.parse(answer.status.at), askedAt, answeredAt)]
      : [],
  )
}

function clock(whose: string, at: number, from: number, to: number): ClockFacts {
  return { whose, leastMs: at - to, mostMs: at - from }
}
