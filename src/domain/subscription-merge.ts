import type { RegisteredSubscription } from './registration.ts'

type Subscriptions = readonly RegisteredSubscription[]

/** What becomes of two lists of subscriptions that were one once. */
export interface MergedSubscriptions {
  /** What holds from now on, in the stamp and at the control plane. */
  readonly subscriptions: Subscriptions
  /** What the control plane does not have yet. */
  readonly put: Subscriptions
  /** The ids of what it has and should not. */
  readonly remove: readonly string[]
}

/**
 * Brings together what a stamp has, what the control plane has, and what both had when they were last one
 * (`base`), subscription by subscription: a change on one side is taken over by the other, and where both
 * changed the same one, the control plane's change counts, because a person made it. Null: the two were
 * never one; then the control plane's list counts unless it is empty, as in Keptn (wire 4.2).
 */
export function mergeSubscriptions(
  local: Subscriptions,
  base: Subscriptions | null,
  upstream: Subscriptions,
): MergedSubscriptions {
  if (base === null && upstream.length > 0) return { subscriptions: upstream, put: [], remove: [] }
  const [mine, before, theirs] = [byKey(local), byKey(base ?? []), byKey(upstream)]
  const subscriptions: RegisteredSubscription[] = []
  const put: RegisteredSubscription[] = []
  const remove: string[] = []
  for (const key of new Set([...mine.keys(), ...theirs.keys()])) {
    const there = theirs.get(key)
    const wanted = isSame(there, before.get(key)) ? mine.get(key) : there
    if (wanted !== undefined) subscriptions.push(wanted)
    if (isSame(wanted, there)) continue
    if (wanted !== undefined) put.push(wanted)
    else if (there !== undefined) remove.push(there.id)
  }
  return { subscriptions, put, remove }
}

/** Whether two lists have the same subscriptions under the same ids, in whatever order. */
export function areSame(a: Subscriptions, b: Subscriptions): boolean {
  return isSameText(a, b, ({ id }) => id)
}

/** Whether somebody who subscribes by one list hears the same as by the other: ids do not matter. */
export function wantTheSame(a: Subscriptions, b: Subscriptions): boolean {
  return isSameText(a, b, () => '')
}

function isSameText(
  a: Subscriptions,
  b: Subscriptions,
  idOf: (subscription: RegisteredSubscription) => string,
): boolean {
  const text = (list: Subscriptions): string =>
    list
      .map((one) => idOf(one) + contentOf(one))
      .sort()
      .join('\n')
  return a.length === b.length && text(a) === text(b)
}

/** Keptn forgets to give an id to some (wire 4.2): those are told apart by what they want. */
function byKey(list: Subscriptions): ReadonlyMap<string, RegisteredSubscription> {
  return new Map(list.map((one) => [one.id === '' ? contentOf(one) : one.id, one]))
}

function isSame(
  a: RegisteredSubscription | undefined,
  b: RegisteredSubscription | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b
  return contentOf(a) === contentOf(b)
}

function contentOf({ event, filter }: RegisteredSubscription): string {
  return JSON.stringify([event, filter.projects, filter.stages, filter.services])
}
