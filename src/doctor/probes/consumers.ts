import {
  durableName,
  KEPTN_PATTERN,
  KEPTN_STREAM,
  LOCAL_STREAM,
  storeNames,
} from '../../domain/store-names.ts'
import { directionPattern, linkPattern } from '../../domain/subject.ts'
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../../flow/consumer-settings.ts'
import type { SeenConsumer } from '../../links/inspection.ts'
import { sleep } from '../../runtime/clock.ts'
import type { SetupFacts } from '../facts.ts'
import type { ConsumerFacts, PlannedConsumer } from '../store-facts.ts'
import type { ConnectedSides, HubStorePlace, StorePlace } from './places.ts'
import { hubPlaces, isHome, keptnPlace } from './places.ts'

/** What shipyard-controller reads with (wire 1.7). */
const KEPTNS_OWN = 'shipyard-controller:all-events'
/** Between two looks at a reader for whom something waits. */
const SECOND_LOOK_MS = 2_500

/** The readers of one stream: who they should be, and how each is called. */
interface Readers {
  readonly place: StorePlace
  readonly stream: string
  /** Asks for one consumer only, where the list is not for us. */
  readonly only?: string
  readonly own: Readonly<Record<string, PlannedConsumer>>
  readonly readerOf: (name: string) => ConsumerFacts['reader'] | undefined
}

/** The durable consumers that this stamp reads with, and those beside them. */
export async function readConsumers(
  setup: SetupFacts,
  sides: ConnectedSides,
  signal: AbortSignal,
): Promise<readonly ConsumerFacts[]> {
  const found = await Promise.all(streamsOf(setup, sides).map((readers) => look(readers, signal)))
  return found.flat()
}

function streamsOf(setup: SetupFacts, { gateway, keptn }: ConnectedSides): readonly Readers[] {
  const { settings, standing } = setup
  const atHome = standing.ok && standing.homeOf.length > 0
  const mine = durableName(settings.stamp)
  const hubs = gateway === undefined ? [] : hubPlaces(gateway, setup)
  return [
    ...(keptn === undefined ? [] : [localReaders(keptnPlace(keptn), mine, atHome)]),
    ...hubs.flatMap((hub) =>
      isHome(setup, hub.plane) ? hubReaders(setup, hub, mine) : stampReaders(setup, hub, mine),
    ),
  ]
}

/** At home: who reads the answers, and what was made for the stamps. */
function hubReaders(
  { topology }: SetupFacts,
  place: HubStorePlace,
  mine: string,
): readonly Readers[] {
  const { down, up } = storeNames(place.scope)
  const forStamps = topology.stamps.map(
    ({ geo, name }) =>
      [durableName(name), planned(linkPattern(place.scope, 'down', { geo, stamp: name }))] as const,
  )
  return [
    {
      place,
      stream: up,
      own: { [mine]: planned(directionPattern(place.scope, 'up')) },
      readerOf: (name) => (name === mine ? 'us' : undefined),
    },
    { place, stream: down, own: Object.fromEntries(forStamps), readerOf: () => 'stamp' },
  ]
}

/** Elsewhere a stamp may see its own only. */
function stampReaders(
  { standing }: SetupFacts,
  place: HubStorePlace,
  mine: string,
): readonly Readers[] {
  const stamp = standing.ok ? standing.stamp : undefined
  if (stamp === undefined) return []
  const { geo, name } = stamp
  const own = { [mine]: planned(linkPattern(place.scope, 'down', { geo, stamp: name })) }
  const stream = storeNames(place.scope).down
  return [{ place, stream, only: mine, own, readerOf: () => 'us' }]
}

function localReaders(place: StorePlace, mine: string, atHome: boolean): Readers {
  return {
    place,
    stream: atHome ? KEPTN_STREAM : LOCAL_STREAM,
    own: { [mine]: planned(KEPTN_PATTERN) },
    readerOf: (name) => {
      if (name === mine || name.startsWith(`${mine}_to_`)) return 'us'
      if (name === KEPTNS_OWN) return 'keptn'
      return name.startsWith('signet-') ? 'stranger' : undefined
    },
  }
}

function planned(filter: string): PlannedConsumer {
  return { filter, ackWaitMs: ACK_WAIT_MS, maxAckPending: MAX_ACK_PENDING }
}

async function look(readers: Readers, signal: AbortSignal): Promise<readonly ConsumerFacts[]> {
  const first = await list(readers)
  if (first === undefined) return []
  const facts = expected(readers, first)
  const waiting = facts.filter(
    ({ reader, state }) => (reader === 'us' || reader === 'keptn') && (state?.pending ?? 0) > 0,
  )
  if (waiting.length === 0) return facts
  await sleep(SECOND_LOOK_MS, signal)
  const second = (await list(readers)) ?? []
  return facts.map((it) => {
    if (!waiting.includes(it)) return it
    const now = second.find(({ name }) => name === it.name)
    return { ...it, hasMoved: now === undefined || moved(it.state as SeenConsumer, now) }
  })
}

/** Undefined where the stream is not there, or not for us to look at: other checks tell that. */
async function list({
  place,
  stream,
  only,
}: Readers): Promise<readonly SeenConsumer[] | undefined> {
  if (only !== undefined) {
    const one = await place.look.consumer(stream, only)
    if (one.kind === 'found') return [one.value]
    return one.kind === 'missing' ? [] : undefined
  }
  const all = await place.look.consumers(stream)
  return all.kind === 'found' ? all.value : undefined
}

function expected(readers: Readers, found: readonly SeenConsumer[]): readonly ConsumerFacts[] {
  const { place, stream, own, readerOf } = readers
  const names = new Set([
    ...Object.keys(own),
    ...(stream === KEPTN_STREAM ? [KEPTNS_OWN] : []),
    ...found.map(({ name }) => name),
  ])
  return [...names].flatMap((name) => {
    const reader = readerOf(name)
    if (reader === undefined) return []
    const state = found.find((it) => it.name === name)
    const plan = own[name]
    return [
      {
        store: place.name,
        stream,
        name,
        reader,
        ...(state === undefined ? {} : { state }),
        ...(plan === undefined ? {} : { planned: plan }),
      },
    ]
  })
}

function moved(before: SeenConsumer, now: SeenConsumer): boolean {
  return before.deliveries !== now.deliveries || before.ackFloor !== now.ackFloor
}
