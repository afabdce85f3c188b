import type { ControlArguments } from '../domain/control-arguments.ts'
import type { Letter, LetterFilter } from '../domain/dead-letter.ts'
import { adviceOn } from '../domain/dead-letter.ts'
import { geoOfStamp } from '../domain/residency.ts'
import { parseLinkSubject, tailOf } from '../domain/subject.ts'
import { SignetError } from '../errors.ts'
import type { ControlCall, ControlHandler } from './control-handler.ts'
import { controlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'
import { eachLetter, letterOf } from './letters.ts'
import type { PutBack } from './put-back.ts'
import { putBack } from './put-back.ts'
import { shown } from './shown.ts'

const DAY_MS = 24 * 3_600_000
const MOST_BACK_MS = 3_650 * DAY_MS
const MOST_LISTED = 1_000
/** More than these are put back or purged by asking again. */
const MOST_AT_ONCE = 100_000

/** Which letters are meant, and from when on (ms back) they are looked for. */
interface Meant {
  readonly filter: LetterFilter
  readonly sinceMs: number
  /** Only those up to this one. */
  readonly upTo: number
  readonly only: number | undefined
}

/** `dlq-ls`, `dlq-show`, `dlq-retry`, `dlq-purge`. */
export function letterHandlers(parts: HubParts): readonly ControlHandler[] {
  return [
    controlHandler({
      verb: 'dlq-ls',
      changes: false,
      read: (args) => ({
        ...meant(args),
        after: args.optionalWhole('after', 0, Number.MAX_SAFE_INTEGER) ?? 0,
        limit: args.optionalWhole('limit', 1, MOST_LISTED) ?? 100,
      }),
      handle: async (args, call) => {
        const letters: Letter[] = []
        let more = 0
        await visit(parts, args, call, (letter) => {
          if (letter.letter <= args.after) return
          if (letters.length < args.limit) letters.push(withoutDetail(parts, call, letter))
          else more += 1
        })
        return { letters, more }
      },
    }),
    controlHandler({
      verb: 'dlq-show',
      changes: false,
      read: (args) => args.whole('letter', 1, Number.MAX_SAFE_INTEGER),
      handle: (letter, call) => show(parts, letter, call),
    }),
    controlHandler({
      verb: 'dlq-retry',
      changes: true,
      read: meant,
      handle: (args, call) => retry(parts, args, call),
    }),
    controlHandler({
      verb: 'dlq-purge',
      changes: true,
      read: (args) => ({ ...meant(args), dryRun: args.flag('dryRun') }),
      handle: (args, call) => purge(parts, args, call),
    }),
  ]
}

function meant(args: ControlArguments): Meant {
  const direction = args.optionalText('direction', 8)
  if (direction !== undefined && direction !== 'up' && direction !== 'down')
    throw new SignetError('SIGNET_USAGE', 'The argument "direction" must be up or down.')
  return {
    filter: {
      reason: args.optionalText('reason', 63),
      stamp: args.optionalText('stamp', 63),
      direction,
      context: args.optionalText('context', 256),
    },
    sinceMs: args.optionalWhole('sinceMs', 1, MOST_BACK_MS) ?? MOST_BACK_MS,
    upTo: args.optionalWhole('upTo', 0, Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER,
    only: args.optionalWhole('letter', 1, Number.MAX_SAFE_INTEGER),
  }
}

async function visit(
  parts: HubParts,
  { filter, sinceMs, upTo, only }: Meant,
  { signal }: ControlCall,
  take: (letter: Letter) => void,
): Promise<void> {
  if (only !== undefined) {
    take(await theLetter(parts, only))
    return
  }
  await eachLetter(parts, { since: parts.now() - sinceMs, filter, signal }, (letter) => {
    if (letter.letter <= upTo) take(letter)
  })
}

async function theLetter(parts: HubParts, sequence: number): Promise<Letter> {
  const { hubStore, names } = parts
  const message = await hubStore.message(names.deadLetters, sequence)
  const letter = message && letterOf(message)
  if (letter !== undefined) return letter
  const what = `There is no dead letter ${sequence}: signet dlq ls lists those that are there.`
  throw new SignetError('SIGNET_UNKNOWN_ID', what, { details: { letter: sequence } })
}

async function show(parts: HubParts, sequence: number, call: ControlCall) {
  const letter = await theLetter(parts, sequence)
  const message = await parts.hubStore.message(parts.names.deadLetters, sequence)
  const advice = adviceOn(letter.reason)
  const crossed = shown(parts, call, wayOf(parts, letter), message?.body ?? new Uint8Array())
  if (crossed.kind === 'refused')
    return { letter: { ...letter, detail: 'withheld' }, advice, withheldHere: crossed.why }
  const { body, redacted } = crossed
  const text = Buffer.from(body).toString('utf8')
  const isText = Buffer.compare(Buffer.from(text), body) === 0
  return {
    letter: redacted.length > 0 ? { ...letter, detail: 'withheld' } : letter,
    advice,
    ...(isText ? { body: text } : { bodyBase64: Buffer.from(body).toString('base64') }),
    ...(redacted.length > 0 ? { redactedHere: redacted } : {}),
  }
}

/** A detail can quote what may not leave. */
function withoutDetail(parts: HubParts, call: ControlCall, letter: Letter): Letter {
  const isOpen = shown(parts, call, wayOf(parts, letter), EMPTY_EVENT)
  return isOpen.kind === 'refused' ? { ...letter, detail: 'withheld' } : letter
}

const EMPTY_EVENT = Buffer.from('{}')

function wayOf({ topology }: HubParts, { stamp, subject }: Letter) {
  const link = parseLinkSubject(subject)
  const tail = tailOf(subject) ?? link?.tail ?? ''
  return { from: [geoOfStamp(topology.current, stamp), link?.place.geo], tail }
}

async function retry(parts: HubParts, args: Meant, call: ControlCall) {
  const { federation } = parts.topology.current
  const scope = { federation, controlPlane: parts.controlPlane.name }
  const letters: Letter[] = []
  await visit(parts, args, call, (letter) => {
    if (letters.length < MOST_AT_ONCE) letters.push(letter)
  })
  const results: ({ readonly letter: number; readonly reason: string } & PutBack)[] = []
  const counts = { 'put-back': 0, kept: 0 }
  for (const letter of letters) {
    call.signal.throwIfAborted()
    const done = await putBack(parts, scope, letter)
    // Only now: where this is not reached, it is put back again, and is a duplicate there.
    if (done.outcome === 'put-back')
      await parts.hubStore.deleteMessage(parts.names.deadLetters, letter.letter)
    counts[done.outcome] += 1
    parts.metrics.lettersRetried.inc({ result: done.outcome })
    const facts = { letter: letter.letter, reason: letter.reason, ...done }
    parts.log.info(
      { ...facts, claimedBy: call.by, from: call.stamp },
      'A dead letter was tried again.',
    )
    if (results.length < MOST_LISTED) results.push(facts)
    call.progress({ done: counts['put-back'] + counts.kept, all: letters.length })
  }
  return { putBack: counts['put-back'], kept: counts.kept, results }
}

async function purge(
  parts: HubParts,
  args: Meant & { readonly dryRun: boolean },
  call: ControlCall,
) {
  const letters: number[] = []
  const reasons: Record<string, number> = {}
  await visit(parts, args, call, ({ letter, reason }) => {
    if (letters.length >= MOST_AT_ONCE) return
    letters.push(letter)
    reasons[reason] = (reasons[reason] ?? 0) + 1
  })
  const told = { count: letters.length, reasons, upTo: letters.at(-1) ?? 0 }
  if (args.dryRun) return { ...told, purged: 0 }
  let purged = 0
  for (const letter of letters) {
    call.signal.throwIfAborted()
    await parts.hubStore.deleteMessage(parts.names.deadLetters, letter)
    purged += 1
    parts.metrics.lettersPurged.inc()
    call.progress({ done: purged, all: letters.length })
  }
  return { ...told, purged }
}
