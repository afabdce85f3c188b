import type {
  Evidence,
  IntegrationFact,
  SentFact,
  StoredFact,
} from '../../src/demo/demo-evidence.ts'
import { answerData } from '../../src/demo/demo-loss.ts'
import type { DemoPlan } from '../../src/demo/demo-plan.ts'
import { demoNames, finishedType, planDemo, stampsOf } from '../../src/demo/demo-plan.ts'

/** What both ends see of a delivery in which everything is right. */
export function rightEvidence(plan: DemoPlan = planDemo({ count: 4, seed: 1 })): Evidence {
  const stored: StoredFact[] = []
  const integrations = plan.stamps.flatMap(({ name: stamp }) =>
    plan.tasks.map(({ integration: name }) => ({
      stamp,
      name,
      received: [] as { id: string; type: string }[],
      sent: [] as SentFact[],
    })),
  )
  const of = (stamp: string, name: string) =>
    integrations.find((each) => each.stamp === stamp && each.name === name)
  let clock = 1_000
  const store = (fact: Omit<StoredFact, 'receivedAtMs'>): void => {
    clock += 10
    stored.push({ ...fact, receivedAtMs: clock })
  }
  for (const stage of plan.stages) {
    const stamps = stampsOf(plan, stage).map(({ name }) => name)
    for (const { task, integration } of plan.tasks) {
      const id = `${stage.stage}-${task}`
      const base = { stage: stage.stage, source: 'signet', triggeredid: id }
      const type = `sh.keptn.event.${task}`
      store({ ...base, id, type: `${type}.triggered`, triggeredid: '', data: {} })
      store({ ...base, id: `${id}-started`, type: `${type}.started`, data: {} })
      for (const stamp of stamps) {
        const own = of(stamp, integration)
        own?.received.push({ id, type: `${type}.triggered` })
        own?.sent.push(
          sent(`${id}-${stamp}-started`, `${type}.started`, id, clock),
          sent(`${id}-${stamp}-finished`, `${type}.finished`, id, clock + 700),
        )
      }
      clock += 800
      const data = aggregate(task, stamps)
      store({ ...base, id: `${id}-finished`, type: `${type}.finished`, data })
    }
    const end = { id: `${stage.stage}-end`, type: finishedType(stage.stage) }
    store({ ...end, stage: stage.stage, source: 'shipyard-controller', triggeredid: '', data: {} })
    for (const stamp of stamps) of(stamp, plan.tasks[0]?.integration ?? '')?.received.push(end)
  }
  return {
    plan,
    context: 'context-1',
    stored,
    runs: plan.stages.map(({ stage }, index) => ({
      stage,
      triggeredAtMs: 1_000 + 1_650 * index,
      end: { result: 'pass', status: 'succeeded', atMs: 2_650 + 1_650 * index },
    })),
    setAside: [],
    integrations,
    deadLetters: {},
    onTheWay: 0,
    ended: [],
    overdue: [],
    startMs: 2_000,
    deliveryMs: 3_300,
  }
}

function sent(id: string, type: string, triggeredid: string, atMs: number): SentFact {
  const isEnd = type.endsWith('.finished')
  const said = isEnd ? { result: 'pass', status: 'succeeded' } : { result: '', status: '' }
  return { id, type, triggeredid, atMs, ...said }
}

function aggregate(task: string, stamps: readonly string[]) {
  const entry = {
    result: 'pass',
    status: 'succeeded',
    message: '',
    started: '2026-01-01T00:00:00.000Z',
    finished: '2026-01-01T00:00:00.700Z',
  }
  const parts = stamps.map((stamp) => answerData(task, stamp, 700)[task])
  return {
    ...demoNames,
    [task]: Object.assign({}, ...parts) as object,
    signet: {
      [task]: {
        result: 'pass',
        stamps: Object.fromEntries(stamps.map((stamp) => [stamp, entry])),
        leftOut: { stamps: 0 },
      },
    },
  }
}

/** The evidence with what Keptn stored under an id replaced, or taken away. */
export function withStored(
  evidence: Evidence,
  id: string,
  change: (fact: StoredFact) => StoredFact | readonly StoredFact[],
): Evidence {
  const stored = evidence.stored.flatMap((fact) => (fact.id === id ? change(fact) : [fact]))
  return { ...evidence, stored }
}

/** The evidence with one integration replaced. */
export function withIntegration(
  evidence: Evidence,
  stamp: string,
  name: string,
  change: (fact: IntegrationFact) => IntegrationFact,
): Evidence {
  const integrations = evidence.integrations.map((fact) =>
    fact.stamp === stamp && fact.name === name ? change(fact) : fact,
  )
  return { ...evidence, integrations }
}

/** A deep copy of an aggregate's data with one change. */
export function withData(
  fact: StoredFact,
  change: (data: Record<string, Record<string, unknown>>) => void,
): StoredFact {
  const data = structuredClone(fact.data) as Record<string, Record<string, unknown>>
  change(data)
  return { ...fact, data }
}
