import { setTimeout as sleep } from 'node:timers/promises'
import { endedAgents } from './demo-agents.ts'
import type { Evidence } from './demo-evidence.ts'
import type { HubStoreView } from './demo-hub-store.ts'
import type { DemoIntegration } from './demo-integrations.ts'
import { factsOf } from './demo-integrations.ts'
import { findLosses } from './demo-loss.ts'
import type { DemoPlan } from './demo-plan.ts'
import { demoNames } from './demo-plan.ts'
import type { Federation } from './federation.ts'
import type { KeptnDouble } from './keptn/keptn-double.ts'

/** Everything that a look at a running demo takes in. */
export interface Scene {
  readonly plan: DemoPlan
  readonly federation: Federation
  readonly keptn: KeptnDouble
  readonly integrations: readonly DemoIntegration[]
  readonly hubStore: HubStoreView
  readonly context: string
}

/** What is on its way when the last stage ends has so long to arrive. */
const settleLimitMs = 5_000
const settleStepMs = 50

/**
 * The evidence of a delivery once nothing is on its way any more and nothing is missing, or once there
 * is no sense in waiting longer. Looks no more when the signal is aborted.
 */
export async function settledEvidence(
  scene: Scene,
  told: Pick<Evidence, 'overdue' | 'startMs' | 'deliveryMs'>,
  stopped: AbortSignal,
): Promise<Evidence> {
  const deadline = performance.now() + settleLimitMs
  for (;;) {
    const evidence = { ...(await look(scene)), ...told }
    const isSettled = evidence.onTheWay === 0 && findLosses(evidence).lost.length === 0
    if (isSettled || stopped.aborted || performance.now() >= deadline) return evidence
    await sleep(settleStepMs)
  }
}

async function look(scene: Scene): Promise<Omit<Evidence, 'overdue' | 'startMs' | 'deliveryMs'>> {
  const { plan, federation, keptn, integrations, hubStore, context } = scene
  // Asked first: what arrives while we look is then seen at its end.
  const onTheWay = await hubStore.onTheWay()
  const deadLetters = await hubStore.deadLetters()
  return {
    plan,
    context,
    ...keptnFacts(keptn, context),
    integrations: integrations.map(factsOf),
    deadLetters,
    onTheWay,
    ended: [
      ...endedAgents(federation),
      ...integrations.flatMap(({ stamp, name, end }) => {
        const ended = end()
        return ended === undefined ? [] : [`${name} of ${stamp} has ended: ${ended.reason}`]
      }),
      ...(keptn.crash === undefined
        ? []
        : [`${keptn.crash.component} of Keptn has crashed: ${keptn.crash.reason}`]),
    ],
  }
}

function keptnFacts(
  keptn: KeptnDouble,
  context: string,
): Pick<Evidence, 'stored' | 'runs' | 'setAside'> {
  return {
    stored: keptn.events(context).map(({ event, stage, receivedAtMs }) => ({
      id: event.id,
      type: event.type ?? '',
      source: event.source ?? '',
      stage,
      triggeredid: event.triggeredid,
      data: event.data,
      receivedAtMs,
    })),
    runs: keptn
      .sequence(context)
      .filter(({ sequence }) => sequence === demoNames.sequence)
      .map(({ stage, triggeredAtMs, outcome }) => ({
        stage,
        triggeredAtMs,
        ...(outcome === undefined
          ? {}
          : { end: { result: outcome.result, status: outcome.status, atMs: outcome.endedAtMs } }),
      })),
    setAside: keptn.dropped().map(({ type, reason }) => `${type}: ${reason}`),
  }
}
