import {
  bucketStream,
  CACHE_PREFIX,
  CACHE_STREAM,
  durableName,
  KEPTN_PATTERN,
  KEPTN_STREAM,
  LEASE_BUCKET,
  REGISTRATIONS_BUCKET,
  SENDING_BUCKET,
  storeNames,
} from '../../domain/store-names.ts'
import { deadLetterPattern } from '../../domain/subject.ts'
import { inboundPlan } from '../../flow/way-in.ts'
import { hubBucketPlans, hubStreamPlans } from '../../hub/hub-streams.ts'
import type { Look } from '../../links/inspection.ts'
import { LEASE_MS } from '../../links/lease.ts'
import type { StreamPlan } from '../../links/store.ts'
import { localPlan } from '../../stamp/collect.ts'
import type { SetupFacts } from '../facts.ts'
import type { PlannedStream, StoreFacts } from '../store-facts.ts'
import type { ConnectedSides, HubStorePlace, StorePlace } from './places.ts'
import { hubPlaces, isHome, keptnPlace, usesGateway } from './places.ts'

/** JetStream on both sides, as far as the user of this stamp may look. */
export async function readStores(
  setup: SetupFacts,
  { gateway, keptn }: ConnectedSides,
): Promise<readonly StoreFacts[]> {
  const hubs = gateway === undefined ? [] : hubPlaces(gateway, setup)
  return Promise.all([
    ...(keptn === undefined ? [] : [keptnStore(setup, keptnPlace(keptn))]),
    ...hubs.map((hub) => hubStore(setup, hub)),
  ])
}

async function keptnStore(setup: SetupFacts, place: StorePlace): Promise<StoreFacts> {
  const { standing } = setup
  const atHome = standing.ok && standing.homeOf.length > 0
  const planned = keptnPlans(setup, atHome)
  const facts = { name: place.name, kind: 'keptn', planned } as const
  try {
    if (await place.store.hasNoJetStream()) return { ...facts, state: 'none', streams: [] }
  } catch {
    // That it is silent, or not for us, is told by what follows.
  }
  // Keptn’s own is there at home only, and only there may we look at it.
  const names = [...planned.map(({ name }) => name), ...(atHome ? [KEPTN_STREAM] : [])]
  const told = await inspected(place, names)
  if (told.state !== 'answers') return { ...facts, ...told }
  const capturing = await place.look.capturing(KEPTN_PATTERN)
  return {
    ...facts,
    ...told,
    ...(capturing.kind === 'found' ? { capturing: capturing.value } : {}),
  }
}

async function hubStore(setup: SetupFacts, place: HubStorePlace): Promise<StoreFacts> {
  const { name, scope, plane } = place
  const facts = { name, kind: 'hub', planned: [], streams: [] } as const
  if (isHome(setup, plane)) {
    const planned = hubPlans(setup, place)
    return {
      ...facts,
      planned,
      ...(await inspected(
        place,
        planned.map((plan) => plan.name),
      )),
    }
  }
  // All that a stamp may do there is to ask for its own consumer.
  const durable = durableName(setup.settings.stamp)
  const own = await place.look.consumer(storeNames(scope).down, durable)
  return own.kind === 'silent'
    ? { ...facts, state: 'silent', why: own.why }
    : { ...facts, state: 'unseen' }
}

type Told = Pick<StoreFacts, 'state' | 'why' | 'use' | 'streams'>

async function inspected({ look }: StorePlace, names: readonly string[]): Promise<Told> {
  const account = await look.account()
  if (account.kind !== 'found') return { ...stateOf(account), streams: [] }
  const found = await Promise.all(names.map((name) => look.stream(name)))
  const streams = found.flatMap((it) => (it.kind === 'found' ? [it.value] : []))
  const failure = found.find(({ kind }) => kind === 'silent' || kind === 'forbidden')
  const state = failure === undefined ? ({ state: 'answers' } as const) : stateOf(failure)
  return { ...state, use: account.value, streams }
}

function stateOf(look: Look<unknown>): Pick<StoreFacts, 'state' | 'why'> {
  return look.kind === 'silent' ? { state: 'silent', why: look.why } : { state: 'unseen' }
}

function keptnPlans(setup: SetupFacts, atHome: boolean): readonly PlannedStream[] {
  const { settings } = setup
  const inbound = inboundPlan(settings.dedupeWindowMs)
  if (atHome) return [ofPlan(inbound)]
  const cache = { name: CACHE_STREAM, subjects: [`${CACHE_PREFIX}.>`], isOptional: true } as const
  return [
    ofPlan(inbound),
    ofPlan(localPlan(settings)),
    ofBucket(REGISTRATIONS_BUCKET),
    ofBucket(LEASE_BUCKET, LEASE_MS),
    { ...ofBucket(SENDING_BUCKET), isOptional: true },
    cache,
    ...(usesGateway(setup) ? [] : deadLettersHere(setup)),
  ]
}

/** Where the link is https, what is set aside stays in the stamp. */
function deadLettersHere({ settings, topology }: SetupFacts): readonly PlannedStream[] {
  return topology.controlPlanes.slice(0, 1).map(({ name }) => {
    const scope = { federation: topology.federation, controlPlane: name }
    const { deadLetters } = storeNames(scope)
    const { retentionMs: maxAgeMs, dedupeWindowMs: duplicateWindowMs } = settings
    const subjects = [deadLetterPattern(scope)]
    return ofPlan({ name: deadLetters, subjects, maxAgeMs, duplicateWindowMs, replicas: 1 })
  })
}

function hubPlans({ settings }: SetupFacts, { scope }: HubStorePlace): readonly PlannedStream[] {
  const names = storeNames(scope)
  const { retentionMs: maxAgeMs, dedupeWindowMs: duplicateWindowMs } = settings
  const ages = { maxAgeMs, duplicateWindowMs, replicas: 1 }
  const { fanOuts, stamps } = hubBucketPlans(names, 1)
  return [
    ...hubStreamPlans(scope, names, ages).map(ofPlan),
    ofBucket(fanOuts.name, fanOuts.ttlMs),
    ofBucket(stamps.name, stamps.ttlMs),
    // Made with the first call that changes something.
    { ...ofBucket(names.callsBucket), isOptional: true },
    ofBucket(names.leaseBucket, LEASE_MS),
  ]
}

function ofPlan({ name, subjects, maxAgeMs, duplicateWindowMs, republish }: StreamPlan) {
  return {
    name,
    subjects,
    maxAgeMs,
    // As `Store.ensureStream` has it: the server refuses a window beyond the age (nats-notes 4.1).
    duplicateWindowMs: Math.min(duplicateWindowMs, maxAgeMs),
    ...(republish === undefined ? {} : { republish }),
  }
}

function ofBucket(bucket: string, maxAgeMs?: number): PlannedStream {
  return {
    name: bucketStream(bucket),
    subjects: [`$KV.${bucket}.>`],
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
  }
}
