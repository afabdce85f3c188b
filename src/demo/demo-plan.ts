import type { FederationStamp } from './federation.ts'
import type { Shipyard } from './keptn/shipyard.ts'

/** What the demo builds and delivers: a federation and one delivery through its rings. */
export interface DemoPlan {
  readonly seed: number
  readonly home: { readonly geo: string; readonly stamp: string }
  /** Release order; only rings with a stamp. */
  readonly rings: readonly string[]
  /** By geo, ring and name. */
  readonly stamps: readonly FederationStamp[]
  /** In the order in which the delivery goes through them; each is released to one ring. */
  readonly stages: readonly DemoStage[]
  readonly tasks: readonly DemoTask[]
}

export interface DemoStage {
  readonly stage: string
  readonly ring: string
}

export interface DemoTask {
  readonly task: string
  /** The integration of each stamp that does it. */
  readonly integration: string
}

/** Names that are the same in every demo. */
export const demoNames = {
  federation: 'demo',
  controlPlane: 'main',
  project: 'shop',
  service: 'cart',
  sequence: 'delivery',
} as const

const stages: readonly DemoStage[] = [
  { stage: 'dev', ring: 'canary' },
  { stage: 'prod', ring: 'broad' },
]

const tasks: readonly DemoTask[] = [
  { task: 'deployment', integration: 'helm-service' },
  { task: 'test', integration: 'jmeter-service' },
]

// In this order, so that two stamps are already in two geos and in two rings.
const places = [
  { geo: 'eu', ring: 'canary' },
  { geo: 'us', ring: 'broad' },
  { geo: 'us', ring: 'canary' },
  { geo: 'eu', ring: 'broad' },
] as const

/** How long the work of one task in one stamp takes, in milliseconds. */
const work = { least: 300, most: 1500 }

/** A plan for `count` stamps (1 or more) in two geos and two rings. The same seed makes the same demo. */
export function planDemo({ count, seed }: { count: number; seed: number }): DemoPlan {
  const stamps = Array.from({ length: count }, (_, index) => {
    const { geo, ring } = places[index % places.length] ?? places[0]
    return { name: `${geo}-${ring}-${Math.floor(index / places.length) + 1}`, geo, ring }
  })
  const used = stages.filter(({ ring }) => stamps.some((stamp) => stamp.ring === ring))
  const rings = used.map(({ ring }) => ring)
  const order = (a: FederationStamp, b: FederationStamp): number =>
    a.geo.localeCompare(b.geo) ||
    rings.indexOf(a.ring) - rings.indexOf(b.ring) ||
    a.name.localeCompare(b.name, 'en', { numeric: true })
  return {
    seed,
    home: { geo: 'hub', stamp: 'hub-core' },
    rings,
    stamps: stamps.toSorted(order),
    stages: used,
    tasks,
  }
}

/** The geos of a plan, that of the control plane first. Each has a gateway. */
export function geosOf({ home, stamps }: DemoPlan): readonly string[] {
  return [...new Set([home.geo, ...stamps.map(({ geo }) => geo)])]
}

/** The stamps that a stage is released to. */
export function stampsOf(plan: DemoPlan, { ring }: DemoStage): readonly FederationStamp[] {
  return plan.stamps.filter((stamp) => stamp.ring === ring)
}

/** What Keptn is to run: each stage after the one before it has ended well. */
export function shipyardOf(plan: DemoPlan): Shipyard {
  const names = plan.tasks.map(({ task }) => ({ name: task }))
  return {
    spec: {
      stages: plan.stages.map(({ stage }, index) => {
        const before = plan.stages[index - 1]
        const triggeredOn =
          before === undefined
            ? []
            : [{ event: finishedType(before.stage).slice(eventPrefix.length) }]
        return {
          name: stage,
          sequences: [{ name: demoNames.sequence, triggeredOn, tasks: names }],
        }
      }),
    },
  }
}

const eventPrefix = 'sh.keptn.event.'

/** The type of the event that says that a task is to be done. */
export function triggeredType(task: string): string {
  return `${eventPrefix}${task}.triggered`
}

/** The type of the event with which Keptn ends the delivery in a stage. */
export function finishedType(stage: string): string {
  return `${eventPrefix}${stage}.${demoNames.sequence}.finished`
}

/** How long the work of a task in a stamp takes, in milliseconds: by the seed, and by nothing else. */
export function workMs(seed: number, stamp: string, task: string): number {
  // FNV-1a with a last mixing round, since names that end alike must not take alike.
  let hash = 0x811c9dc5
  for (const character of `${seed}/${stamp}/${task}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  const share = ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32
  return Math.round(work.least + share * (work.most - work.least))
}

/**
 * What an integration of a stamp subscribes to: its task, and the first one also to the end of the
 * delivery in the stage of its stamp, as something that wants to tell people of it would.
 */
export function subscriptionsOf(
  plan: DemoPlan,
  stamp: FederationStamp,
  { task, integration }: DemoTask,
): readonly string[] {
  const ends = plan.stages.filter(({ ring }) => ring === stamp.ring)
  const isFirst = integration === plan.tasks[0]?.integration
  return [triggeredType(task), ...(isFirst ? ends.map(({ stage }) => finishedType(stage)) : [])]
}
