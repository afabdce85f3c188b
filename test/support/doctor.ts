import { examine } from '../../src/doctor/examine.ts'
import type { SetupFacts } from '../../src/doctor/facts.ts'
import { readSetup } from '../../src/doctor/probes/setup.ts'
import type { Report } from '../../src/doctor/report.ts'
import { factsOf, judge } from '../../src/doctor/report.ts'
import { select } from '../../src/doctor/table.ts'
import { securedEnvironment } from '../../src/demo/secured-servers.ts'
import type { Rig } from './federation.ts'
import { HOME } from './federation.ts'

/** What the doctor found: by code, a sentence for each thing. */
export interface Diagnosis {
  readonly found: ReadonlyMap<string, readonly string[]>
  /** Why checks could not be done. */
  readonly unseen: ReadonlyMap<string, string>
  readonly report: Report
}

export interface Examined {
  /** Codes and groups; all where there are none. */
  readonly only?: readonly string[]
  readonly agentUrl?: string
  /** What else than what was read. */
  readonly over?: Partial<SetupFacts>
}

/** Runs `signet doctor` in this process, with the environment of an agent. */
export async function diagnose(
  environment: Readonly<Record<string, string>>,
  { only = [], agentUrl = 'http://127.0.0.1:1', over = {} }: Examined = {},
): Promise<Diagnosis> {
  const groups = select({ only, skip: [], offline: false })
  const setup = { ...(await readSetup(environment, {}, '0.1.0')), ...over }
  const facts = await examine({
    setup,
    wanted: factsOf(groups),
    agentUrl,
    by: 'test@here',
    signal: new AbortController().signal,
    onProgress: () => {},
  })
  const report = judge(groups, facts)
  const outcomes = report.groups.flatMap((group) => group.outcomes)
  return {
    report,
    found: new Map(
      outcomes.filter(({ found }) => found.length > 0).map((it) => [it.check.code, it.found]),
    ),
    unseen: new Map(
      outcomes.flatMap(({ check, unseen }) => (unseen === undefined ? [] : [[check.code, unseen]])),
    ),
  }
}

/** The environment of a stamp's agent in a rig of secured servers. */
export function environmentOf(rig: Rig, stamp: string): Record<string, string> {
  const { federation, supercluster } = rig
  return {
    SIGNET_STAMP: stamp,
    SIGNET_TOPOLOGY: federation.topologyDir,
    SIGNET_NATS_URL: supercluster.gatewayOf(stamp).url,
    NATS_URL: supercluster.keptn(stamp).url,
    ...securedEnvironment(stamp, HOME),
    ...federation.options.environment,
  }
}
