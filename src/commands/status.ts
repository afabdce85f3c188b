import { setTimeout as pause } from 'node:timers/promises'
import type { FederationStatus } from '../domain/federation-status.ts'
import { SignetError } from '../errors.ts'
import { paintLine } from '../view/line.ts'
import { Screen } from '../view/screen.ts'
import type { StatusFilter } from '../view/status-view.ts'
import { filterStatus, statusView } from '../view/status-view.ts'
import { dateAndTime } from '../view/time.ts'
import type { Hub, HubCommand } from './ask-hub.ts'
import { withHub, writeLines } from './ask-hub.ts'
import { EXIT_OK, paintFor, writeJson } from './topology-output.ts'

export interface StatusCommand extends HubCommand, StatusFilter {
  /** How often to look again, in milliseconds; undefined: once. */
  readonly watchMs?: number
  /** Every stamp gets a line, also in rings where all is well. */
  readonly full: boolean
  /** Whether stdout can be drawn on. */
  readonly live: boolean
}

/** `signet status`: the federation at a glance, once or until it is interrupted. Resolves with the exit code. */
export function runStatus(command: StatusCommand): Promise<number> {
  return withHub(command, async (hub) => {
    if (command.watchMs === undefined) show(command, await statusOf(hub, command))
    else await watch(hub, command, command.watchMs)
    return EXIT_OK
  })
}

async function statusOf(hub: Hub, filter: StatusFilter): Promise<FederationStatus> {
  const status = (await hub.ask('status')) as FederationStatus
  refuseUnknown('geo', filter.geo, status)
  refuseUnknown('ring', filter.ring, status)
  return filterStatus(status, filter)
}

function show(command: StatusCommand, status: FederationStatus): void {
  if (command.json) writeJson(command.stdout, status)
  else writeLines(command, statusView(status, isFull(command)))
}

/** Draws in place on a terminal; elsewhere each look is printed below the one before. */
async function watch(hub: Hub, command: StatusCommand, everyMs: number): Promise<void> {
  const { stdout, color, live, json, stopped } = command
  const screen = live && !json ? new Screen(stdout, paintFor(color)) : undefined
  try {
    for (;;) {
      const status = await statusOf(hub, command)
      if (screen === undefined) {
        if (!json) stdout.write(`${paintLine([dateAndTime(status.at)], paintFor(color))}\n`)
        show(command, status)
      } else
        screen.draw([
          ...statusView(status, isFull(command)),
          [],
          [['faint', `${dateAndTime(status.at)}, every ${everyMs / 1_000} s; Ctrl-C ends`]],
        ])
      await pause(everyMs, undefined, { signal: stopped })
    }
  } finally {
    screen?.leave()
  }
}

/** Whoever asks for one place wants to see it. */
function isFull({ full, geo, ring }: StatusCommand): boolean {
  return full || geo !== undefined || ring !== undefined
}

function refuseUnknown(
  what: 'geo' | 'ring',
  wanted: string | undefined,
  { stamps }: FederationStatus,
): void {
  const known = [...new Set(stamps.map((stamp) => stamp[what]))]
  if (wanted === undefined || known.includes(wanted)) return
  throw new SignetError(
    'SIGNET_USAGE',
    `There is no ${what} "${wanted}"; there are ${known.join(', ')}.`,
  )
}
