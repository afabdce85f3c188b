import type { Line, Piece } from './line.ts'
import { textOf } from './line.ts'

/** Cells under each other: each column is as wide as its widest cell, the last one as wide as it is. */
export function table(rows: readonly (readonly Line[])[], gap = 2): readonly Line[] {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, textOf(cell).length)
  return rows.map((row) =>
    row.flatMap((cell, column): readonly Piece[] => {
      if (column === row.length - 1) return cell
      const room = (widths[column] ?? 0) - textOf(cell).length + gap
      // A column in which nobody has anything takes no room.
      return widths[column] === 0 ? cell : [...cell, ' '.repeat(room)]
    }),
  )
}

/** A line further to the right. */
export function indented(line: Line, columns = 2): Line {
  return [' '.repeat(columns), ...line]
}
