import type { Board } from './demo-board.ts'
import { cellKey } from './demo-board.ts'
import type { Line } from '../view/line.ts'
import type { DemoPlan } from './demo-plan.ts'
import type { FederationStamp } from './federation.ts'

/** How a stamp stands, in the order in which stamps are worth a row. */
const standings = ['running', 'between tasks', 'done', 'not begun'] as const

type Standing = (typeof standings)[number]

/** The stamps that there is room for, in their order: those where something happens go first. */
export function stampsShown(
  plan: DemoPlan,
  board: Board,
  room: number,
): readonly FederationStamp[] {
  const { stamps } = plan
  if (stamps.length <= room) return stamps
  const byWorth = standings.flatMap((standing) =>
    stamps.filter((stamp) => standingOf(plan, board, stamp) === standing),
  )
  // One row is for what is said of the others.
  const shown = new Set(byWorth.slice(0, room - 1))
  return stamps.filter((stamp) => shown.has(stamp))
}

/** What is to be said of the stamps that are not shown; nothing where all are. */
export function stampsHidden(
  plan: DemoPlan,
  board: Board,
  shown: readonly FederationStamp[],
): readonly Line[] {
  const hidden = plan.stamps.filter((stamp) => !shown.includes(stamp))
  if (hidden.length === 0) return []
  const found = hidden.map((stamp) => standingOf(plan, board, stamp))
  const counts = standings
    .map((standing) => ({ standing, count: found.filter((each) => each === standing).length }))
    .filter(({ count }) => count > 0)
    .map(({ standing, count }) => `${count} ${standing}`)
  return [[['faint', ` and ${hidden.length} more: ${counts.join(', ')}`]]]
}

function standingOf({ tasks }: DemoPlan, board: Board, { name }: FederationStamp): Standing {
  const cells = tasks.flatMap(({ task }) => board.cells.get(cellKey(name, task)) ?? [])
  if (cells.some(({ phase }) => phase !== 'done')) return 'running'
  if (cells.length === 0) return 'not begun'
  return cells.length < tasks.length ? 'between tasks' : 'done'
}
