import { startAgents } from './demo-agents.ts'
import type { News } from './demo-board.ts'
import { HubStoreView } from './demo-hub-store.ts'
import type { Mischief } from './demo-integrations.ts'
import { knownToHub, startIntegrations } from './demo-integrations.ts'
import { duration } from '../view/line.ts'
import { settledEvidence } from './demo-look.ts'
import type { DemoPlan } from './demo-plan.ts'
import { demoNames, shipyardOf } from './demo-plan.ts'
import type { DemoReport } from './demo-report.ts'
import { reportOf } from './demo-report.ts'
import { stageEnd, unlessStopped } from './demo-waits.ts'
import { newsOf, watchStamps } from './demo-watch.ts'
import { Federation } from './federation.ts'
import type { KeptnDouble } from './keptn/keptn-double.ts'
import { startKeptnDouble } from './keptn/keptn-double.ts'

export interface DemoOptions {
  readonly plan: DemoPlan
  /** The nats-server to run. */
  readonly binary: string
  /** The built command line, which agents are started with. */
  readonly cli: string
  /** Where servers and agents keep their files and logs. It stays. */
  readonly dir: string
  readonly hear: (news: News) => void
  /** Milliseconds since the demo began. */
  readonly now: () => number
  readonly stopped: AbortSignal
  readonly mischief?: Mischief
  /** How long a stage may take, in milliseconds. Default: a minute, and a second for each stamp. */
  readonly stageLimitMs?: number
}

/** A demo that has delivered. Everything in it runs until it is closed. */
export interface Demo {
  readonly report: DemoReport
  readonly federation: Federation
  readonly keptn: KeptnDouble
  readonly close: () => Promise<void>
}

/** How often Keptn looks at its queues: it takes 10 s, which nobody wants to watch. */
const dispatchMs = 50

/**
 * Starts a federation, delivers once through all stages of the plan, and says what came of it. Rejects
 * where something cannot be started, and with SIGNET_STOPPED once the signal is aborted; nothing is left
 * running then. A delivery that goes wrong is no rejection, but a report that says so.
 */
export async function runDemo(options: DemoOptions): Promise<Demo> {
  const closers = new Closers()
  try {
    const done = await deliver(options, closers)
    return { ...done, close: () => closers.close() }
  } catch (error) {
    // What failed first says more than what fails because of it.
    await closers.close().catch(() => {})
    throw error
  }
}

async function deliver(options: DemoOptions, closers: Closers): Promise<Omit<Demo, 'close'>> {
  const { plan, binary, cli, dir, hear, now, stopped } = options
  let keptnUrl = ''
  const federation = await Federation.prepare({
    binary,
    cli,
    dir,
    home: plan.home,
    rings: plan.rings,
    stamps: plan.stamps,
    stages: plan.stages.map(({ stage, ring }) => ({ stage, rings: [ring] })),
    // The hub finds Keptn's services there: for calls of integrations, and to ask whether a sequence is paused.
    atStart: () => ({ SIGNET_KEPTN_SERVICES: servicesAt(keptnUrl) }),
  })
  closers.add(() => federation.close())
  hear({ kind: 'servers', at: now(), count: federation.supercluster.processes.size })
  const keptn = await startKeptnDouble({
    natsUrl: federation.supercluster.keptn(plan.home.stamp).url,
    project: demoNames.project,
    shipyard: shipyardOf(plan),
    dispatchMs,
  })
  closers.add(() => keptn.stop())
  keptnUrl = keptn.url
  await unlessStopped(startAgents(federation, options), stopped)
  const hubStore = await HubStoreView.open(federation)
  closers.add(() => hubStore.close())
  const integrations = await startIntegrations(plan, federation, options.mischief)
  closers.add(() => Promise.all(integrations.map(({ running }) => running.kill())))
  await unlessStopped(knownToHub(plan, hubStore), stopped)
  const watchers = await watchStamps(federation, now, hear)
  closers.add(() => Promise.all(watchers.map((nc) => nc.close())))
  keptn.onChange((change) => {
    const news = newsOf(change, now())
    if (news !== undefined) hear(news)
  })

  const startMs = now()
  const stage = plan.stages[0]?.stage ?? ''
  const { context } = await keptn.triggerSequence({ ...demoNames, stage })
  hear({ kind: 'triggered', at: now() })
  const overdue = await runStages(options, keptn, context)
  const told = { overdue, startMs: Math.round(startMs), deliveryMs: Math.round(now() - startMs) }
  const scene = { plan, federation, keptn, integrations, hubStore, context }
  const evidence = await unlessStopped(settledEvidence(scene, told, stopped), stopped)
  return { report: reportOf(evidence), federation, keptn }
}

/** Where those services of Keptn are that the double has, as the setting wants it. */
function servicesAt(url: string): string {
  const doubled = ['shipyard-controller', 'mongodb-datastore', 'api-service']
  return doubled.map((name) => `${name}=${url}`).join(',')
}

/** Waits for one stage after the other, up to the first that does not end well; says what took too long. */
async function runStages(
  { plan, stopped, stageLimitMs = 60_000 + 1_000 * plan.stamps.length }: DemoOptions,
  keptn: KeptnDouble,
  context: string,
): Promise<readonly string[]> {
  for (const { stage } of plan.stages) {
    const view = await stageEnd(keptn, { context, stage, limitMs: stageLimitMs, stopped })
    if (view === undefined) return [`${stage} did not end within ${duration(stageLimitMs)}`]
    if (view.outcome?.result !== 'pass') return []
  }
  return []
}

/** What is to be closed, the last first. */
class Closers {
  readonly #closers: (() => Promise<unknown>)[] = []

  add(closer: () => Promise<unknown>): void {
    this.#closers.push(closer)
  }

  /** Closes everything, whatever fails; then rejects with the failures. May be called twice. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const close of this.#closers.splice(0).toReversed()) {
      await close().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The demo did not end cleanly.')
  }
}
