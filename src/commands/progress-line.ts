import type { HubCommand } from './ask-hub.ts'

/** One line on a terminal's stderr that says how far the hub is, and goes. */
export function progressLine(
  { stderr }: HubCommand,
  told: (about: Readonly<Record<string, unknown>>) => string,
): { show: (about: unknown) => void; clear: () => void } {
  let isShown = false
  return {
    show: (about) => {
      if (stderr.isTTY !== true || typeof about !== 'object' || about === null) return
      const text = told(about as Readonly<Record<string, unknown>>)
      stderr.write(`\r${text.slice(0, (stderr.columns ?? 80) - 1)}\u001b[K`)
      isShown = true
    },
    clear: () => {
      if (isShown) stderr.write('\r\u001b[K')
    },
  }
}
