import type { Rig } from './federation.ts'
import type { Run } from './simulated-stamps.ts'

/** Stamps `<ring>-1`, `<ring>-2` …, by turns in the geos. */
export function ringOf(ring: string, count: number, geos: readonly string[] = ['hub']) {
  return Array.from({ length: count }, (_, index) => ({
    name: `${ring}-${index + 1}`,
    ring,
    geo: geos[index % geos.length] as string,
  }))
}

/** What Signet told Keptn of the progress of a task, in order, without the name of the task. */
export function progressOf(rig: Rig, context: string, task = 'deployment'): readonly string[] {
  return rig.keptn
    .stored({ context, type: `sh.keptn.event.${task}.status.changed` })
    .map(({ payload }) => {
      const { data } = JSON.parse(payload) as { data: { message: string } }
      return data.message.replace(`${task}: `, '')
    })
}

/** The most runs that were under way at once among some; one that never finished is to the end. */
export function mostAtOnce(runs: readonly Run[]): number {
  return Math.max(
    0,
    ...runs.map(
      ({ at }) =>
        runs.filter((other) => other.at <= at && (other.finishedAt ?? Infinity) > at).length,
    ),
  )
}

/** The runs of the stamps of a ring. */
export function inRing(runs: readonly Run[], ring: string): readonly Run[] {
  return runs.filter(({ stamp }) => stamp.startsWith(`${ring}-`))
}
