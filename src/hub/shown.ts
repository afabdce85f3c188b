import type { Crossed } from '../flow/residency.ts'
import type { ControlCall } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'

/**
 * What of an event whoever asks may be shown (DESIGN 7.6), wherever the command says that it runs; where it
 * does not, what every geo may have. NATS vouches for the user of the connection only (docs/security.md).
 */
export function shown(
  { topology, controlPlane, border }: Pick<HubParts, 'topology' | 'controlPlane' | 'border'>,
  { geo }: Pick<ControlCall, 'geo'>,
  { from, tail }: { readonly from: readonly (string | undefined)[]; readonly tail: string },
  whole: Uint8Array,
): Crossed {
  const to = geo === undefined ? topology.current.geos.map(({ name }) => name) : [geo]
  const passed = from.filter((it) => it !== undefined)
  const all = [...new Set([controlPlane.home.geo, ...passed])]
  let body = whole
  const redacted = new Set<string>()
  for (const each of to) {
    const crossed = border.look({ from: all, to: each, tail }, body)
    if (crossed.kind === 'refused') return crossed
    body = crossed.body
    for (const path of crossed.redacted) redacted.add(path)
  }
  return { kind: 'passes', body, redacted: [...redacted] }
}
