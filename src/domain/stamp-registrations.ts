import type { Integration } from './interest.ts'
import type { Registration } from './registration.ts'
import { interestOfAll } from './registration.ts'

/** What Keptn knows of the integrations of a stamp, which its agent registers there (DESIGN 7.8). */
export interface SeenStamp {
  readonly integrations: readonly Integration[]
  /** How many of them are alive. */
  readonly alive: number
  /** When any of them was last seen, in milliseconds since the epoch. */
  readonly seenAt: number
}

/**
 * A stamp that polls is there while one of its integrations was seen within this, in milliseconds: its agent
 * tells Keptn of each every 25 s at most, the hub asks every 30 s, and Keptn may forget after a minute (wire 4.3).
 */
export const SEEN_ALIVE_MS = 90_000

/**
 * What Keptn's registrations say of stamps, by stamp: the namespace of each ends with its stamp's name, and
 * no namespace of Kubernetes has a dot. `clockMs` is how far Keptn's clock is ahead of ours.
 */
export function seenStamps(
  registrations: readonly Registration[],
  clockMs: number,
  now: number,
): ReadonlyMap<string, SeenStamp> {
  const byStamp = new Map<string, Registration[]>()
  for (const registration of registrations) {
    const { namespace } = registration.metadata.kubernetesmetadata
    const dot = namespace.lastIndexOf('.')
    if (dot <= 0) continue
    const stamp = namespace.slice(dot + 1)
    byStamp.set(stamp, [...(byStamp.get(stamp) ?? []), registration])
  }
  return new Map([...byStamp].map(([stamp, its]) => [stamp, seen(its, clockMs, now)]))
}

function seen(registrations: readonly Registration[], clockMs: number, now: number): SeenStamp {
  const aged = registrations.map((registration) => {
    const lastseen = Date.parse(registration.metadata.lastseen)
    // A clock that is ahead makes nobody live longer.
    const seenAt = Number.isNaN(lastseen) ? 0 : Math.min(now, lastseen - clockMs)
    return { ...registration, seenAt, alive: now - seenAt < SEEN_ALIVE_MS }
  })
  return {
    integrations: interestOfAll(aged),
    alive: aged.filter(({ alive }) => alive).length,
    seenAt: Math.max(...aged.map(({ seenAt }) => seenAt)),
  }
}
