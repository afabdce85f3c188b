import type { Integration } from '../domain/interest.ts'
import type { ListedStamp } from '../domain/listed-stamp.ts'
import type { Presence } from '../domain/presence.ts'
import type { Membership } from './membership.ts'
import type { StampRegistry } from './stamp-registry.ts'

/** All stamps: in topology order, then those that are not taken in. */
export function listStamps(
  membership: Membership,
  registry: StampRegistry,
  now: number,
  offlineAfterMs: number,
): readonly ListedStamp[] {
  const members = membership.current.stamps.map(({ name, geo, ring, link }): ListedStamp => {
    const record = registry.record(name)
    const online = record !== undefined && registry.isOnline(name)
    return {
      stamp: name,
      geo,
      ring,
      state: membership.hasJoined(name) ? 'joined' : 'listed',
      drained: membership.isDrained(name),
      online,
      ...(online ? { onlineSince: iso(record.onlineSince) } : {}),
      ...(record === undefined ? {} : { heardAt: iso(record.heardAt), ...said(record) }),
      link,
    }
  })
  const newcomers = membership
    .newcomers()
    .toSorted((a, b) => a.firstAt - b.firstAt)
    .map(({ place, refused, presence, firstAt, heardAt }): ListedStamp => {
      const online = now - heardAt < offlineAfterMs
      return {
        ...place,
        state: refused === undefined ? 'pending' : 'refused',
        drained: false,
        ...(refused === undefined ? {} : { reason: refused }),
        online,
        ...(online ? { onlineSince: iso(firstAt) } : {}),
        heardAt: iso(heardAt),
        ...said(presence),
      }
    })
  return [...members, ...newcomers]
}

function said({ agent, agents, link, integrations, alive }: Omit<Presence, 'version'>) {
  return {
    ...(agent === '' ? {} : { agent }),
    ...(agents === undefined ? {} : { agents }),
    ...(link === undefined ? {} : { linkInUse: link }),
    ...(integrations === undefined || integrations === null
      ? {}
      : {
          integrations: {
            known: integrations.length,
            ...(alive === undefined ? {} : { alive }),
            subscriptions: sum(integrations),
          },
        }),
  }
}

function sum(integrations: readonly Integration[]): number {
  return integrations.reduce((count, { subscriptions }) => count + subscriptions.length, 0)
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
