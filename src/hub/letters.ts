import type { Letter, LetterFilter } from '../domain/dead-letter.ts'
import { eventFacts, isMeant } from '../domain/dead-letter.ts'
import { parseDeadLetterSubject } from '../domain/subject.ts'
import type { StoredMessage } from '../links/store.ts'
import { LETTERS, REDACTED } from '../links/header-names.ts'
import { scanStream } from '../links/stream-scan.ts'
import type { HubParts } from './control-handlers.ts'

/** The dead letters that are meant, oldest first; `visit` says whether to go on. */
export async function eachLetter(
  { hubStore, names }: Pick<HubParts, 'hubStore' | 'names'>,
  { since, filter, signal }: { since: number; filter: LetterFilter; signal: AbortSignal },
  visit: (letter: Letter) => void,
): Promise<void> {
  await scanStream({
    store: hubStore,
    stream: names.deadLetters,
    since,
    signal,
    visit: (message) => {
      const letter = letterOf(message)
      if (letter !== undefined && isMeant(letter, filter)) visit(letter)
    },
  })
}

/** Reads a dead letter; undefined where its subject is none of one. */
export function letterOf(message: StoredMessage): Letter | undefined {
  const parsed = parseDeadLetterSubject(message.subject)
  if (parsed === undefined) return undefined
  const header = (name: string): string | undefined => message.header(name)
  const cut = header(LETTERS.truncated)
  const withheld = header(LETTERS.withheld)
  const stamps = header(LETTERS.stamps)
  const redacted = header(REDACTED)
  return {
    letter: message.sequence,
    at: new Date(message.storedAt).toISOString(),
    ...parsed,
    detail: header(LETTERS.detail) ?? '',
    subject: header(LETTERS.subject) ?? '',
    sequence: Number(header(LETTERS.sequence) ?? 0),
    ...(stamps === undefined ? {} : { stamps: stamps.split(',') }),
    ...(cut === undefined ? {} : { cutFrom: Number(cut) }),
    ...(withheld === undefined ? {} : { withheld }),
    ...(redacted === undefined ? {} : { redacted: redacted.split(',') }),
    ...eventFacts(Buffer.from(message.body).toString('utf8')),
  }
}
