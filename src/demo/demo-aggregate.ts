import type { StoredFact } from './demo-evidence.ts'
import { isJsonObject } from './keptn/keptn-event.ts'

/** What Keptn was told about one stamp of a task (DESIGN 7.3). */
interface AggregatedStamp {
  readonly result: string
  readonly status: string
  readonly message: string
  /** Whether it says when the stamp began, and when it ended. */
  readonly hasStarted: boolean
  readonly hasFinished: boolean
}

/** `data.signet.<task>` of the `.finished` that Keptn got, as far as the report reads it. */
export interface Aggregate {
  readonly result: string
  readonly stamps: ReadonlyMap<string, AggregatedStamp>
  /** How many passed, and are left out because there are too many stamps to name them all. */
  readonly leftOut: number
}

/** Reads it out of a stored event; undefined where it is not there. */
export function readAggregate(event: StoredFact | undefined, task: string): Aggregate | undefined {
  const data = objectAt(event?.data, 'signet')
  const section = objectAt(data, task)
  if (section === undefined) return undefined
  const stamps = Object.entries(objectAt(section, 'stamps') ?? {}).map(([name, entry]) => {
    const stamp: AggregatedStamp = {
      result: textAt(entry, 'result'),
      status: textAt(entry, 'status'),
      message: textAt(entry, 'message'),
      hasStarted: textAt(entry, 'started') !== '',
      hasFinished: textAt(entry, 'finished') !== '',
    }
    return [name, stamp] as const
  })
  const leftOut = objectAt(section, 'leftOut')?.['stamps']
  return {
    result: textAt(section, 'result'),
    stamps: new Map(stamps),
    leftOut: typeof leftOut === 'number' ? leftOut : 0,
  }
}

function objectAt(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  const found = isJsonObject(value) ? value[key] : undefined
  return isJsonObject(found) ? found : undefined
}

function textAt(value: unknown, key: string): string {
  const found = isJsonObject(value) ? value[key] : undefined
  return typeof found === 'string' ? found : ''
}
