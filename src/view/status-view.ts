import type { FederationStatus, StampStatus } from '../domain/federation-status.ts'
import { REFUSALS } from '../domain/join.ts'
import { counted } from '../domain/render/layout.ts'
import type { Line } from './line.ts'
import { rolloutRows } from './rollout-view.ts'
import { indented, table } from './table.ts'
import { age, between } from './time.ts'

/** A ring with more stamps than this lists only those of which there is something to say. */
const LISTED = 8

/** The stamps of some geo or ring only; what is not given restricts nothing. */
export interface StatusFilter {
  readonly geo?: string
  readonly ring?: string
}

/** A status as if there were only the stamps that a filter lets through. */
export function filterStatus(
  status: FederationStatus,
  { geo, ring }: StatusFilter,
): FederationStatus {
  const stamps = status.stamps.filter(
    (stamp) =>
      (geo === undefined || stamp.geo === geo) && (ring === undefined || stamp.ring === ring),
  )
  return { ...status, stamps }
}

/** `signet status`: the federation at a glance. `full`: every stamp has a line. */
export function statusView(status: FederationStatus, full: boolean): readonly Line[] {
  const { at, rollouts } = status
  return [
    ...headLines(status),
    ...stampLines(status, full),
    [],
    [['strong', rollouts.length === 0 ? 'no open rollouts' : 'rollouts']],
    ...table(rolloutRows(rollouts, at)).map((line) => indented(line)),
  ]
}

function headLines({
  federation,
  controlPlane,
  hub,
  stamps,
  deadLetters,
}: FederationStatus): readonly Line[] {
  const online = stamps.filter((stamp) => stamp.online).length
  const letters: Line =
    deadLetters === null
      ? [['doubtful', 'dead letters unknown: the hub store does not answer']]
      : [[deadLetters === 0 ? 'faint' : 'wrong', counted(deadLetters, 'dead letter')]]
  return [
    [
      ['strong', federation],
      ` control plane ${controlPlane}, hub in ${hub.stamp} (${hub.geo}), agent ${hub.version}: `,
      hub.ready ? ['good', 'ready'] : ['wrong', hub.reason ?? 'not ready'],
    ],
    [
      [
        online === stamps.length ? 'good' : 'doubtful',
        `${online} of ${counted(stamps.length, 'stamp')} online`,
      ],
      ', ',
      ...letters,
    ],
  ]
}

function stampLines({ at, stamps }: FederationStatus, full: boolean): readonly Line[] {
  const lines: Line[] = []
  const shown = new Map<StampStatus, Line>()
  const listed: StampStatus[] = []
  for (const places of ringsOf(stamps).values())
    listed.push(
      ...(full || places.length <= LISTED ? places : places.filter((stamp) => isNews(stamp))),
    )
  const rows = table(listed.map((stamp) => stampRow(stamp, at)))
  for (const [index, stamp] of listed.entries()) shown.set(stamp, rows[index] ?? [])
  let geo = ''
  for (const places of ringsOf(stamps).values()) {
    const [first] = places as [StampStatus]
    if (first.geo !== geo) {
      geo = first.geo
      lines.push([], [['strong', geo]])
    }
    const online = places.filter((stamp) => stamp.online).length
    lines.push(['  ', ['name', first.ring], ['faint', ` ${online} of ${places.length} online`]])
    const rest = places.filter((stamp) => !shown.has(stamp)).length
    for (const stamp of places) {
      const line = shown.get(stamp)
      if (line !== undefined) lines.push(indented(line, 4))
    }
    if (rest > 0)
      lines.push(indented([['faint', `${counted(rest, 'stamp')} online with nothing pending`]], 4))
  }
  return lines
}

/** By geo and ring, in the order of the topology; a geo's rings are kept together. */
function ringsOf(stamps: readonly StampStatus[]): ReadonlyMap<string, readonly StampStatus[]> {
  const geos = [...new Set(stamps.map(({ geo }) => geo))]
  const rings = new Map<string, StampStatus[]>()
  for (const geo of geos)
    for (const stamp of stamps) {
      if (stamp.geo !== geo) continue
      const key = `${geo}/${stamp.ring}`
      rings.set(key, [...(rings.get(key) ?? []), stamp])
    }
  return rings
}

function isNews({ online, keptn, drained, state, pending, unacknowledged }: StampStatus): boolean {
  const isOut = !online || keptn === false || drained || state === 'pending' || state === 'refused'
  return isOut || (pending ?? 0) > 0 || (unacknowledged ?? 0) > 0
}

function stampRow(stamp: StampStatus, at: string): readonly Line[] {
  const { online, link = '', linkInUse, onlineSince, heardAt, integrations, agent = '' } = stamp
  const isChanged = linkInUse === 'https' && link !== 'https'
  const offline = heardAt === undefined ? 'never heard' : `silent for ${age(between(heardAt, at))}`
  return [
    [online ? ['good', '●'] : ['wrong', '○'], ` ${stamp.stamp}`],
    [isChanged ? ['doubtful', `${link}: https`] : ['faint', link]],
    online ? [`up ${age(between(onlineSince ?? at, at))}`] : [['wrong', offline]],
    waitingFor(stamp),
    [['faint', integrationsText(integrations)]],
    standingOf(stamp),
    [['faint', agent]],
  ]
}

function waitingFor({ link, pending, unacknowledged }: StampStatus): Line {
  // Nothing is kept for it in the hub store.
  if (link === 'https' && pending === null) return [['faint', 'polls']]
  if (pending === null) return [['doubtful', 'no consumer']]
  const waiting = pending + (unacknowledged ?? 0)
  return [[waiting === 0 ? 'faint' : 'doubtful', `${waiting} pending`]]
}

function integrationsText(integrations: StampStatus['integrations']): string {
  if (integrations === undefined) return 'integrations unknown'
  const { known, alive } = integrations
  return alive === undefined || alive === known
    ? counted(known, 'integration')
    : `${alive} of ${counted(known, 'integration')} alive`
}

function standingOf({ online, keptn, drained, state, reason }: StampStatus): Line {
  if (state === 'pending') return [['doubtful', 'waits to be approved']]
  if (state === 'refused') return [['wrong', reason === undefined ? state : REFUSALS[reason]]]
  if (online && keptn === false) return [['wrong', 'its Keptn NATS is away']]
  return drained ? [['doubtful', 'drained']] : []
}
