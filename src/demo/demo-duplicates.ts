import type { Evidence } from './demo-evidence.ts'

/** An event that came more than once to one place. */
interface Repeated {
  /** `Keptn`, or an integration and its stamp. */
  readonly where: string
  readonly id: string
  readonly type: string
  /** 2 or more. */
  readonly copies: number
}

export interface Duplicates {
  /** In the datastore of the control plane, which keeps every copy it hears. */
  readonly keptn: readonly Repeated[]
  /** Handed to an integration. */
  readonly integrations: readonly Repeated[]
}

/** Every event id that was stored, or delivered to one integration, more than once. */
export function findDuplicates({ stored, integrations }: Evidence): Duplicates {
  return {
    keptn: repeatedIn('Keptn', stored),
    integrations: integrations.flatMap(({ stamp, name, received }) =>
      repeatedIn(`${name} of ${stamp}`, received),
    ),
  }
}

function repeatedIn(
  where: string,
  events: readonly { readonly id: string; readonly type: string }[],
): readonly Repeated[] {
  const counts = new Map<string, Repeated>()
  for (const { id, type } of events) {
    counts.set(id, { where, id, type, copies: (counts.get(id)?.copies ?? 0) + 1 })
  }
  return [...counts.values()].filter(({ copies }) => copies > 1)
}
