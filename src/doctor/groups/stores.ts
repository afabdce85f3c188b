import { KEPTN_PATTERN, KEPTN_STREAM, LOCAL_STREAM } from '../../domain/store-names.ts'
import { check, Unseen } from '../check.ts'
import type { Group, Verdict } from '../check.ts'
import type { AccountUse, PlannedStream, StoreFacts, StreamSetup } from '../store-facts.ts'

const NEARLY_FULL = 0.8
const FULL = 0.95

/** JetStream: whether it is there, what is left of it, and whether streams are as Signet makes them. */
export const storesGroup: Group = {
  name: 'streams',
  title: 'JetStream',
  checks: [
    check({
      code: 'DOC-601',
      severity: 'error',
      title: 'The Keptn NATS of a home stamp has no JetStream.',
      why: 'Keptn keeps its events there, and the hub reads them there: neither works.',
      mend: 'Switch JetStream on; of Keptn’s own server, the chart value nats.nats.jetstream.enabled.',
      reads: ['stores', 'setup'],
      judge: ({ stores, setup: { standing } }) =>
        standing.ok && standing.homeOf.length > 0 ? withoutJetStream(stores) : [],
    }),
    check({
      code: 'DOC-602',
      severity: 'warning',
      title: 'The Keptn NATS of this stamp has no JetStream.',
      why: 'Events of this stamp are in memory only: what is said while no agent runs is lost, and a restart may let a copy through.',
      mend: 'Switch JetStream on at that server; see docs/delivery.md for what is promised without.',
      reads: ['stores', 'setup'],
      judge: ({ stores, setup: { standing } }) =>
        standing.ok && standing.homeOf.length > 0 ? [] : withoutJetStream(stores),
    }),
    check({
      code: 'DOC-603',
      severity: 'error',
      title: 'JetStream does not answer.',
      why: 'Nothing is stored and nothing is read: everything waits.',
      mend: 'Does the server run; is `store.domain` its domain; is the leaf node of the hub store connected to the home gateway; has its cluster a leader?',
      reads: ['stores'],
      judge: ({ stores }) =>
        stores
          .filter(({ state }) => state === 'silent')
          .map(({ name, why }) => (why === undefined ? name : `${name}: ${why}`)),
    }),
    check({
      code: 'DOC-604',
      severity: 'warning',
      title: 'A store is nearly full.',
      why: 'When it is full it refuses events, which then wait where they are, or fail.',
      mend: 'Raise the limit or the disk, shorten SIGNET_RETENTION, or look what fills it (`nats stream report`).',
      reads: ['stores'],
      judge: ({ stores }) =>
        usage(stores, (share, isRing) => !isRing && share >= NEARLY_FULL && share < FULL),
    }),
    check({
      code: 'DOC-605',
      severity: 'error',
      title: 'A store is full.',
      why: 'It refuses events: they wait where they are, or fail.',
      mend: 'Raise the limit or the disk now; then look what fills it (`nats stream report`).',
      reads: ['stores'],
      judge: ({ stores }) => usage(stores, (share, isRing) => !isRing && share >= FULL),
    }),
    check({
      code: 'DOC-606',
      severity: 'warning',
      title: 'A stream or bucket of Signet is not there.',
      why: 'The agent that leads makes it when it starts: none has led here yet, or somebody has deleted it.',
      mend: 'Start an agent here. Where one runs already, restart it, and find out who deletes streams.',
      reads: ['stores'],
      judge: ({ stores }) =>
        ofPlans(stores, (store, plan, found) =>
          found === undefined && plan.isOptional !== true ? [`${store.name}: ${plan.name}`] : [],
        ),
    }),
    check({
      code: 'DOC-607',
      severity: 'error',
      title: 'A stream is not as Signet makes it.',
      why: 'Somebody has changed it, or agents have different settings: what is promised about loss and duplicates no longer holds.',
      mend: 'Give all agents of the stamp the same SIGNET_RETENTION and SIGNET_DEDUPE_WINDOW, and restart the one that leads: it puts back what can be changed. What cannot (storage, retention) has to be made anew.',
      reads: ['stores'],
      judge: ({ stores }) =>
        ofPlans(stores, (store, plan, found) =>
          found === undefined
            ? []
            : drift(plan, found).map((what) => `${store.name}: ${plan.name} ${what}`),
        ),
    }),
    check({
      code: 'DOC-608',
      severity: 'error',
      title: 'Another stream has Keptn’s subjects.',
      why: 'Two streams over one subject cannot be: Keptn does not start, or this stamp collects nothing.',
      mend: 'Remove that stream or give it other subjects. If it is `keptn`, NATS_URL is the server of a control plane: correct it, or the `home` of the topology.',
      reads: ['stores', 'setup'],
      judge: ({ stores, setup: { standing } }) => {
        const keptn = stores.find(({ kind }) => kind === 'keptn')
        if (keptn?.capturing === undefined) return new Unseen('this user may not list streams')
        const own = standing.ok && standing.homeOf.length > 0 ? KEPTN_STREAM : LOCAL_STREAM
        return keptn.capturing
          .filter((name) => name !== own)
          .map((name) => `${keptn.name}: ${name} captures ${KEPTN_PATTERN}`)
      },
    }),
    check({
      code: 'DOC-609',
      severity: 'error',
      title: 'Keptn’s own stream is not there.',
      why: 'The hub has nothing to read.',
      mend: 'shipyard-controller makes it when it starts. If it runs: is NATS_URL the server that Keptn uses?',
      reads: ['stores', 'setup'],
      judge: ({ stores, setup: { standing } }) => {
        if (!standing.ok || standing.homeOf.length === 0) return []
        return stores
          .filter(({ kind, state }) => kind === 'keptn' && state === 'answers')
          .filter(({ streams }) => !streams.some(({ name }) => name === KEPTN_STREAM))
          .map(({ name }) => `${name}: ${KEPTN_STREAM}`)
      },
    }),
    check({
      code: 'DOC-610',
      severity: 'warning',
      title: 'Keptn’s own stream is not as Keptn makes it.',
      why: 'Keptn keeps everything it says there. With a limit, events go before the hub or Keptn has read them.',
      mend: 'Take the limits off (`nats stream edit keptn`), unless the oldest event there is older than any outage you want to survive.',
      reads: ['stores'],
      judge: ({ stores }) =>
        stores.flatMap(({ streams }) =>
          streams.filter(({ name }) => name === KEPTN_STREAM).flatMap(keptnDrift),
        ),
    }),
    check({
      code: 'DOC-611',
      severity: 'notice',
      title: 'The hub store keeps one copy.',
      why: 'What it acknowledged last is lost when its machine loses power, and all of it when the disk does.',
      mend: 'Run three servers, and let SIGNET_STORE_REPLICAS be 3 or unset; existing streams: `nats stream edit --replicas 3`.',
      reads: ['stores'],
      judge: ({ stores }) => {
        const hubs = stores.filter(({ kind, state }) => kind === 'hub' && state === 'answers')
        if (hubs.length === 0)
          return new Unseen('this stamp may not look into the hub store; run it in the home stamp')
        return hubs
          .filter(({ streams }) => streams.some((it) => it.replicas < 3))
          .map(({ name, streams }) => {
            const least = Math.min(...streams.map(({ replicas }) => replicas))
            return `${name}: ${least} of 3`
          })
      },
    }),
  ],
}

function withoutJetStream(stores: readonly StoreFacts[]): Verdict {
  return stores
    .filter(({ kind, state }) => kind === 'keptn' && state === 'none')
    .map(({ name }) => name)
}

/** Judges each stream that there should be, in the stores that answer. */
function ofPlans(
  stores: readonly StoreFacts[],
  judge: (
    store: StoreFacts,
    plan: PlannedStream,
    found: StreamSetup | undefined,
  ) => readonly string[],
): Verdict {
  const answering = stores.filter(({ state }) => state === 'answers')
  if (answering.length === 0) return new Unseen('no store that this user may look into answers')
  return answering.flatMap((store) =>
    store.planned.flatMap((plan) =>
      judge(
        store,
        plan,
        store.streams.find(({ name }) => name === plan.name),
      ),
    ),
  )
}

/** Each thing in which a stream differs from its plan. */
function drift(plan: PlannedStream, found: StreamSetup): readonly string[] {
  const differences: string[] = []
  const compare = (what: string, is: unknown, should: unknown): void => {
    if (is !== should) differences.push(`has ${what} ${String(is)} instead of ${String(should)}`)
  }
  compare('subjects', found.subjects.join(' '), plan.subjects.join(' '))
  compare('retention', found.retention, 'limits')
  compare('storage', found.storage, 'file')
  if (plan.maxAgeMs !== undefined) compare('age (ms)', found.maxAgeMs, plan.maxAgeMs)
  if (plan.duplicateWindowMs !== undefined)
    compare('duplicate window (ms)', found.duplicateWindowMs, plan.duplicateWindowMs)
  compare('republish to', found.republish?.dest ?? 'nowhere', plan.republish?.dest ?? 'nowhere')
  return differences
}

/** Keptn tells its stream nothing but name and subjects, so all else is the default (wire 1.7). */
function keptnDrift(stream: StreamSetup): readonly string[] {
  const { subjects, retention, maxAgeMs, maxBytes, maxMessages } = stream
  return [
    ...(subjects.join(' ') === KEPTN_PATTERN ? [] : [`it captures ${subjects.join(' ')}`]),
    ...(retention === 'limits' ? [] : [`its retention is ${retention}`]),
    ...(maxAgeMs === 0 ? [] : [`it drops events after ${Math.round(maxAgeMs / 1_000)} s`]),
    ...(maxBytes < 1 ? [] : [`it drops events beyond ${maxBytes} bytes`]),
    ...(maxMessages < 1 ? [] : [`it drops events beyond ${maxMessages}`]),
  ]
}

/** What is used of accounts and streams, where `isTold` of the share; the cache makes room by itself. */
function usage(
  stores: readonly StoreFacts[],
  isTold: (share: number, makesRoom: boolean) => boolean,
): readonly string[] {
  return stores.flatMap(({ name, use, streams, planned: plans }) => {
    const ofAccount = use === undefined ? [] : accountShares(use)
    const ofStreams = streams
      .filter(({ maxBytes }) => maxBytes > 0)
      .map((it) => ({
        what: `stream ${it.name}`,
        share: it.bytes / it.maxBytes,
        makesRoom: plans.some((plan) => plan.name === it.name && plan.isOptional === true),
      }))
    return [...ofAccount, ...ofStreams]
      .filter(({ share, makesRoom }) => isTold(share, makesRoom))
      .map(({ what, share }) => `${name}: ${what} is used to ${Math.round(share * 100)} %`)
  })
}

function accountShares({ storage, memory, streams, consumers }: AccountUse) {
  return Object.entries({ storage, memory, streams, consumers }).flatMap(([what, use]) =>
    use.most === undefined || use.most === 0
      ? []
      : [{ what, share: use.used / use.most, makesRoom: false }],
  )
}
