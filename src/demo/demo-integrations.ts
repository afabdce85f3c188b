import { SignetError } from '../errors.ts'
import type { AgentProcess } from './agent-process.ts'
import type { IntegrationFact } from './demo-evidence.ts'
import type { HubStoreView } from './demo-hub-store.ts'
import { answerData } from './demo-loss.ts'
import type { DemoPlan, DemoTask } from './demo-plan.ts'
import { subscriptionsOf, workMs } from './demo-plan.ts'
import type { Federation, FederationStamp } from './federation.ts'
import type { Integration, IntegrationEnd } from './integration/integration.ts'
import { startIntegration } from './integration/integration.ts'
import type { IntegrationOptions } from './integration/integration-options.ts'
import { waitUntil } from './wait-until.ts'

/** Makes an integration of the demo behave otherwise, for a look at what the demo says then. */
export type Mischief = (stamp: string, task: string) => Partial<IntegrationOptions>

/** An integration that runs in a stamp of the demo. */
export interface DemoIntegration {
  readonly stamp: string
  readonly name: string
  readonly running: Integration
  /** Why it has ended; undefined while it runs. */
  readonly end: () => IntegrationEnd | undefined
}

const knownLimitMs = 30_000

/** Starts the integrations of all stamps. Where one fails, the others are ended before it rejects. */
export async function startIntegrations(
  plan: DemoPlan,
  federation: Federation,
  mischief: Mischief = () => ({}),
): Promise<readonly DemoIntegration[]> {
  const wanted = plan.stamps.flatMap((stamp) => plan.tasks.map((task) => ({ stamp, task })))
  const outcomes = await Promise.allSettled(
    wanted.map(async ({ stamp, task }) => {
      const options = optionsOf(plan, federation, stamp, task)
      const access = await registrationOf(federation.agent(stamp.name))
      const running = await startIntegration({
        ...options,
        ...access,
        ...mischief(stamp.name, task.task),
      })
      const end = latest(running.ended)
      return { stamp: stamp.name, name: task.integration, running, end }
    }),
  )
  const started = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failure = outcomes.find((each) => each.status === 'rejected')
  if (failure === undefined) return started
  await Promise.all(started.map(({ running }) => running.kill()))
  throw failure.reason
}

/** What a promise was fulfilled with, once it was. */
function latest<T>(promise: Promise<T>): () => T | undefined {
  let value: T | undefined
  const keep = async (): Promise<void> => {
    value = await promise
  }
  void keep()
  return () => value
}

/** Where the integrations of a stamp register: with its agent, in place of Keptn's shipyard-controller. */
async function registrationOf(
  agent: AgentProcess,
): Promise<Pick<IntegrationOptions, 'registrationUrl' | 'hostHeader'>> {
  return { registrationUrl: await agent.url('services'), hostHeader: 'shipyard-controller:8080' }
}

function optionsOf(
  plan: DemoPlan,
  federation: Federation,
  stamp: FederationStamp,
  task: DemoTask,
): IntegrationOptions {
  const tookMs = workMs(plan.seed, stamp.name, task.task)
  return {
    natsUrl: federation.supercluster.keptn(stamp.name).url,
    name: task.integration,
    namespace: 'keptn',
    node: stamp.name,
    subscriptions: subscriptionsOf(plan, stamp, task).map((event) => ({ event })),
    delayMs: tookMs,
    data: answerData(task.task, stamp.name, tookMs),
  }
}

/** What an integration has got and sent, as facts for the report. */
export function factsOf({ stamp, name, running }: DemoIntegration): IntegrationFact {
  return {
    stamp,
    name,
    received: running.received().map(({ event }) => ({ id: event.id, type: event.type ?? '' })),
    sent: running.sent().map(({ id, type, triggeredid, time, data }) => {
      const { result, status } = data as { readonly result?: string; readonly status?: string }
      return {
        id,
        type: type ?? '',
        triggeredid,
        result: result ?? '',
        status: status ?? '',
        atMs: Date.parse(time),
      }
    }),
  }
}

/**
 * Resolves when the hub knows what every stamp has registered: with half of it, it would take the other
 * half for something that the stamp does not want. SIGNET_START_FAILED where that takes too long.
 */
export async function knownToHub(plan: DemoPlan, hubStore: HubStoreView): Promise<void> {
  const wanted = plan.tasks.map(({ integration }) => integration)
  let missing: string[] = []
  await waitUntil(
    async () => {
      const known = await Promise.all(
        plan.stamps.map(async ({ name }) => ({ name, has: await hubStore.integrationsOf(name) })),
      )
      missing = known.flatMap(({ name, has }) =>
        wanted.filter((each) => !has.includes(each)).map((each) => `${each} of ${name}`),
      )
      return missing.length === 0 ? true : undefined
    },
    knownLimitMs,
    () =>
      new SignetError('SIGNET_START_FAILED', `The hub does not hear of ${missing.join(', ')}.`, {
        details: { missing },
      }),
  )
}
