import type { FederationStatus, StampStatus } from '../../domain/federation-status.ts'
import { REFUSALS } from '../../domain/join.ts'
import type { Topology } from '../../domain/topology.ts'
import { check, Unseen } from '../check.ts'
import type { Group, Verdict } from '../check.ts'
import type { HubFacts } from '../facts.ts'

const MANY = 1_000

/** The federation, as its hubs see it. */
export const federationGroup: Group = {
  name: 'federation',
  title: 'The federation',
  checks: [
    check({
      code: 'DOC-851',
      severity: 'error',
      title: 'No hub answers.',
      why: 'No task goes to any stamp, and no answer comes back.',
      mend: 'Does an agent of the home stamp run, what does its /readyz say, and are the gateways connected?',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        hubs.flatMap(({ controlPlane, answer }) =>
          answer.kind === 'silent' ? [`${controlPlane}: ${answer.why}`] : [],
        ),
    }),
    check({
      code: 'DOC-852',
      severity: 'error',
      title: 'A hub is not ready.',
      why: 'It waits for something, and everybody for it.',
      mend: 'docs/operations.md#not-ready has the reason.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofHubs(hubs, ({ controlPlane, hub }) =>
          hub.ready ? [] : [`${controlPlane}: ${hub.reason ?? 'it does not say why'}`],
        ),
    }),
    check({
      code: 'DOC-853',
      severity: 'warning',
      title: 'Stamps are offline.',
      why: 'Their tasks wait for them, are left out or fail, as `offline` of the task says.',
      mend: 'Look at the agents there, and at the gateway of their geo.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofStamps(hubs, (stamp) => {
          if (stamp.online || !isMember(stamp)) return undefined
          return stamp.heardAt === undefined ? 'was never heard' : `was last heard ${stamp.heardAt}`
        }),
    }),
    check({
      code: 'DOC-854',
      severity: 'warning',
      title: 'Stamps appear that are not let in.',
      why: 'They get no task, and what they send is set aside.',
      mend: '`signet stamp approve NAME`, `join.allow` of their ring, or take their agents away.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofStamps(hubs, ({ state, reason }) => {
          if (state === 'pending') return 'waits for approval'
          if (state !== 'refused') return undefined
          return reason === undefined ? 'is refused' : REFUSALS[reason]
        }),
    }),
    check({
      code: 'DOC-855',
      severity: 'warning',
      title: 'A stamp has no integration, and does not say what it handles.',
      why: 'The hub can only guess: it sends tasks there that nobody takes up, until startTimeout fails them.',
      mend: 'Let an integration register there, list `handles` in its ring file, or take the stamp out of the ring.',
      reads: ['hubs', 'setup'],
      judge: ({ hubs, setup: { topology } }) =>
        ofStamps(hubs, (stamp) => {
          const isBare =
            (stamp.integrations?.known ?? 0) === 0 && !handlesSomething(topology, stamp)
          return stamp.online && isMember(stamp) && isBare ? 'has none' : undefined
        }),
    }),
    check({
      code: 'DOC-856',
      severity: 'warning',
      title: 'Integrations in stamps have stopped pinging.',
      why: 'Their tasks are held back until they come back, and fail after startTimeout.',
      mend: 'Run `signet doctor` there: it names them.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofStamps(hubs, ({ integrations }) => {
          const { known = 0, alive = known } = integrations ?? {}
          return alive < known ? `${known - alive} of ${known}` : undefined
        }),
    }),
    check({
      code: 'DOC-857',
      severity: 'warning',
      title: 'Agents of the federation have different versions.',
      why: 'They work together, and what is new works only where both ends have it.',
      mend: 'Finish the upgrade; hubs first.',
      reads: ['hubs'],
      judge: ({ hubs }) => versions(hubs),
    }),
    check({
      code: 'DOC-858',
      severity: 'warning',
      title: 'Much waits for a stamp.',
      why: 'Its events arrive late, or not at all once the retention is over.',
      mend: 'Is the stamp online, is its link slow? `signet doctor` there says more.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofStamps(hubs, ({ pending }) => ((pending ?? 0) > MANY ? `${pending} events` : undefined)),
    }),
    check({
      code: 'DOC-859',
      severity: 'notice',
      title: 'Stamps are drained.',
      why: 'They get no new tasks until somebody takes them back.',
      mend: '`signet stamp undrain NAME` when the work there is done.',
      reads: ['hubs'],
      judge: ({ hubs }) => ofStamps(hubs, ({ drained }) => (drained ? 'is drained' : undefined)),
    }),
    check({
      code: 'DOC-860',
      severity: 'error',
      title: 'A stamp has lost its Keptn NATS.',
      why: 'Its agent is there, and can deliver nothing.',
      mend: 'Look at the Keptn NATS of that stamp; `signet doctor` there says more.',
      reads: ['hubs'],
      judge: ({ hubs }) =>
        ofStamps(hubs, ({ online, keptn }) =>
          online && keptn === false ? 'is not connected to it' : undefined,
        ),
    }),
  ],
}

/** Judges those that answered; where none did, there is nothing to judge. */
function ofHubs(
  hubs: readonly HubFacts[],
  judge: (status: FederationStatus) => readonly string[],
): Verdict {
  const answered = hubs.flatMap(({ answer }) => (answer.kind === 'answered' ? [answer.status] : []))
  if (answered.length > 0) return answered.flatMap(judge)
  const isRefused = hubs.some(({ answer }) => answer.kind === 'refused')
  return new Unseen(
    isRefused
      ? 'the user of this stamp may not ask the hub; run it at home or as `reader`'
      : 'no hub answers',
  )
}

function ofStamps(
  hubs: readonly HubFacts[],
  judge: (stamp: StampStatus) => string | undefined,
): Verdict {
  return ofHubs(hubs, ({ stamps }) =>
    stamps.flatMap((stamp) => {
      const told = judge(stamp)
      return told === undefined ? [] : [`${stamp.stamp} (${stamp.geo}/${stamp.ring}): ${told}`]
    }),
  )
}

function isMember({ state }: StampStatus): boolean {
  return state === 'listed' || state === 'joined'
}

function handlesSomething({ stamps }: Topology, { stamp }: StampStatus): boolean {
  return stamps.some(({ name, handles }) => name === stamp && handles.length > 0)
}

function versions(hubs: readonly HubFacts[]): Verdict {
  return ofHubs(hubs, ({ hub, stamps }) => {
    const groups = new Map<string, string[]>()
    const add = (version: string, stamp: string): void => {
      groups.set(version, [...(groups.get(version) ?? []), stamp])
    }
    add(hub.version, hub.stamp)
    for (const { online, agent, stamp } of stamps)
      if (online && agent !== undefined) add(agent, stamp)
    if (groups.size < 2) return []
    return [...groups].map(([version, names]) => `${version}: ${some(names)}`)
  })
}

const MOST_NAMES = 5

function some(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES
  const shown = names.slice(0, MOST_NAMES).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}
