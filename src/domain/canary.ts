import { isJsonObject, parseJsonObject } from './json.ts'

/** Which canary of its sender it is: `run` is another one in each term, `number` counts up. */
export interface CanaryMark {
  readonly run: string
  readonly number: number
}

/**
 * A canary: a message that goes the way of events and means nothing but that the way is open. It also says
 * which one of the other side was heard last, so that each side knows of both directions.
 */
export interface Canary extends CanaryMark {
  readonly heard?: CanaryMark
  /** Of a stamp: its consumer has something for it and does not hand it out; the hub is to make it anew. */
  readonly isStalled?: boolean
}

/** Longer ones are nobody's of ours. */
const LONGEST_RUN = 64

export function writeCanary({ run, number, heard, isStalled = false }: Canary): string {
  return JSON.stringify({
    run,
    number,
    ...(heard === undefined ? {} : { heard: { run: heard.run, number: heard.number } }),
    ...(isStalled ? { isStalled } : {}),
  })
}

/** Reads a canary; undefined where it is none. Extra fields are left for newer agents. */
export function parseCanary(text: string): Canary | undefined {
  const json = parseJsonObject(text)
  const mark = markIn(json)
  const heard = markIn(json?.['heard'])
  if (mark === undefined) return undefined
  const isStalled = json?.['isStalled'] === true
  return { ...mark, ...(heard === undefined ? {} : { heard }), ...(isStalled ? { isStalled } : {}) }
}

function markIn(json: unknown): CanaryMark | undefined {
  if (!isJsonObject(json)) return undefined
  const { run, number } = json
  if (typeof run !== 'string' || run.length > LONGEST_RUN) return undefined
  return Number.isSafeInteger(number) ? { run, number: number as number } : undefined
}
