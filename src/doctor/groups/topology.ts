import type { GeoRing, StageRule, TaskPolicy, Topology } from '../../domain/topology.ts'
import { check } from '../check.ts'
import type { Group } from '../check.ts'

/** Keptn gives up a task that nobody has started after 10 minutes, and looks once a minute (wire 6.6). */
const LATEST_START_MS = 9 * 60_000

/** What the topology says, as far as it is no mistake: `signet topology check` refuses those. */
export const topologyGroup: Group = {
  name: 'topology',
  title: 'Topology',
  checks: [
    check({
      code: 'DOC-201',
      severity: 'error',
      title: 'This stamp is not in the topology.',
      why: 'The agent does not start: it would not know what to do and for whom.',
      mend: 'Correct SIGNET_STAMP, or add the stamp to a ring file; to join by itself it needs SIGNET_GEO and SIGNET_RING.',
      reads: ['setup'],
      judge: ({ setup: { standing } }) => (standing.ok ? [] : [standing.message]),
    }),
    check({
      code: 'DOC-202',
      severity: 'warning',
      title: 'By this topology the stamp is not let in.',
      why: 'Its hub refuses it, unless it has a newer topology: no task goes there.',
      mend: 'Add its name to `join.allow` of its ring file, or list it there.',
      reads: ['setup'],
      judge: ({ setup: { standing } }) =>
        standing.ok && standing.doubt !== undefined ? [standing.doubt] : [],
    }),
    check({
      code: 'DOC-203',
      severity: 'warning',
      title: 'The topology has warnings.',
      why: 'It can be used, and something in it will hardly do what was meant.',
      mend: 'Look at each with `signet topology check`.',
      reads: ['setup'],
      judge: ({ setup }) => setup.topologyWarnings,
    }),
    check({
      code: 'DOC-204',
      severity: 'warning',
      title: 'A stage goes to a ring without stamps.',
      why: 'Its other rings get the task; who counts on this one waits for nothing.',
      mend: 'Add stamps to the ring in those geos, or take it out of the stage.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) =>
        topology.stages.flatMap((rule) => {
          const empty = rule.rings.filter((ring) => !hasStamps(topology, rule, ring))
          // Where all are empty, the check of the topology says so.
          return empty.length === rule.rings.length
            ? []
            : empty.map((ring) => `stage ${rule.stage}: ring ${ring}`)
        }),
    }),
    check({
      code: 'DOC-205',
      severity: 'warning',
      title: 'A task may start about as late as Keptn gives it up.',
      why: 'Keptn ends the sequence when nobody has started after 10 minutes; it then no longer hears that a stamp did not.',
      mend: 'Set startTimeout of the task to 9m or less.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) =>
        policies(topology)
          .filter(([, { startTimeoutMs }]) => startTimeoutMs > LATEST_START_MS)
          .map(([task]) => `tasks.${task}.startTimeout`),
    }),
    check({
      code: 'DOC-206',
      severity: 'warning',
      title: 'A task must be finished before it need be started.',
      why: 'finishTimeout ends the wait first: startTimeout never counts.',
      mend: 'Make finishTimeout longer than startTimeout.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) =>
        policies(topology)
          .filter(([, policy]) => policy.finishTimeoutMs < policy.startTimeoutMs)
          .map(([task]) => `tasks.${task}`),
    }),
    check({
      code: 'DOC-207',
      severity: 'warning',
      title: 'A ring must be done before its stamps need have started.',
      why: 'Its deadline stops the rollout while a slow stamp may still begin.',
      mend: 'Make `deadline` of the rollout longer than startTimeout of the tasks.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) =>
        rollouts(topology)
          .filter(
            ({ rollout: { deadlineMs = Infinity } }) =>
              deadlineMs < topology.tasks.default.startTimeoutMs,
          )
          .map(placeOf),
    }),
    check({
      code: 'DOC-208',
      severity: 'warning',
      title: 'A ring soaks for longer than it may take.',
      why: 'Mostly the two were mixed up: the next ring waits longer than this one could ever run.',
      mend: 'Look at `soak` and `deadline` of the rollout.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) =>
        rollouts(topology)
          .filter(({ rollout: { soakMs, deadlineMs = Infinity } }) => soakMs > deadlineMs)
          .map(placeOf),
    }),
    check({
      code: 'DOC-209',
      severity: 'notice',
      title: 'A stamp without an integration fails a task, and stamps do not say what they handle.',
      why: 'With `missing: fail`, a stamp whose integrations have not registered yet counts as failed.',
      mend: 'List the tasks under `handles` of its ring, or say `missing: report`.',
      reads: ['setup'],
      judge: ({ setup: { topology } }) => {
        const isStrict = policies(topology).some(([, { missing }]) => missing === 'fail')
        return isStrict
          ? topology.stamps.filter(({ handles }) => handles.length === 0).map(({ name }) => name)
          : []
      },
    }),
  ],
}

function hasStamps({ stamps, geoRings = [] }: Topology, rule: StageRule, ring: string): boolean {
  const isMeant = (place: { readonly geo: string; readonly ring: string }): boolean =>
    place.ring === ring && (rule.geos?.includes(place.geo) ?? true)
  return stamps.some(isMeant) || geoRings.some((it) => isMeant(it) && it.join !== undefined)
}

function policies({ tasks }: Topology): readonly (readonly [string, TaskPolicy])[] {
  return [['default', tasks.default], ...Object.entries(tasks.named)]
}

function rollouts({ geoRings = [] }: Topology) {
  return geoRings.flatMap(({ geo, ring, rollout }) =>
    rollout === undefined ? [] : [{ geo, ring, rollout }],
  )
}

function placeOf({ geo, ring }: Pick<GeoRing, 'geo' | 'ring'>): string {
  return `${geo}/${ring}`
}
