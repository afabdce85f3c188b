import { isJsonObject, parseJsonObject } from './json.ts'
import type { Direction } from './subject.ts'

/** A dead letter as it is listed. */
export interface Letter {
  /** Its number: where it lies in the stream of dead letters. */
  readonly letter: number
  /** When it was set aside, as ISO 8601. */
  readonly at: string
  readonly direction: Direction
  /** The stamp that set it aside. */
  readonly stamp: string
  readonly reason: string
  /** What exactly is wrong with it. */
  readonly detail: string
  /** Where it was read from: subject, and sequence in the stream there. */
  readonly subject: string
  readonly sequence: number
  /** The stamps that it did not reach, where it did reach others. */
  readonly stamps?: readonly string[]
  /** Its length in bytes where only its beginning is kept. */
  readonly cutFrom?: number
  /** Why its body is not here. */
  readonly withheld?: string
  /** What residency left out of the body. */
  readonly redacted?: readonly string[]
  /** Empty where the body does not say. */
  readonly id: string
  readonly type: string
  readonly context: string
}

/** Which dead letters are meant; what is left out means all. */
export interface LetterFilter {
  readonly reason?: string | undefined
  readonly stamp?: string | undefined
  readonly direction?: Direction | undefined
  readonly context?: string | undefined
}

export function isMeant(letter: Letter, filter: LetterFilter): boolean {
  return (
    (filter.reason === undefined || filter.reason === letter.reason) &&
    (filter.stamp === undefined || filter.stamp === letter.stamp) &&
    (filter.direction === undefined || filter.direction === letter.direction) &&
    (filter.context === undefined || filter.context === letter.context)
  )
}

/** What the body of a dead letter says of the event, as far as it can be read. */
export function eventFacts(text: string): Pick<Letter, 'id' | 'type' | 'context'> {
  const json = parseJsonObject(text)
  const from = (key: string): string => {
    const value = isJsonObject(json) ? json[key] : undefined
    return typeof value === 'string' ? value.slice(0, 256) : ''
  }
  return { id: from('id'), type: from('type'), context: from('shkeptncontext') }
}

/** What to do about a dead letter. Those that no retry can mend have no `after`. */
export function adviceOn(reason: string): string {
  return ADVICE[reason] ?? MALFORMED
}

/** Why a letter with this reason is never put back, or undefined. */
export function isFinal(reason: string): string | undefined {
  return FINAL[reason]
}

const MALFORMED =
  'It is malformed, and would harm Keptn or its integrations. Mend the sender, and purge it: it is never put back.'

const ADVICE: Readonly<Record<string, string>> = {
  oversize:
    'With our headers it is above max_payload of the next server. Give all servers one max_payload that has room for it, then retry.',
  refused: 'The next server refused to store it; the detail says why. Mend that, then retry.',
  residency:
    'A geo does not let it go. If it should go, change the rule in its geo.yaml, then retry; signet topology explain tells what a rule does.',
  'refused-by-api': 'Keptn’s API will never take it; the detail has its words. Mend the sender.',
  'id-conflict':
    'Its id belongs to another event. Mend the sender: each event has an id of its own.',
  loop: 'It came to a stamp that it has been through. Look for whoever publishes into the hub store past the hub.',
  'unknown-stamp':
    'The topology has no such stamp there. Give all agents the same topology, then retry.',
  'not-a-target':
    'A stamp answered a task that it was not given. Look for an integration there that hears another control plane.',
  'not-over-https': 'Somebody speaks for a stamp that it is not. See docs/security.md.',
  'no-answer': 'Somebody else posts events of this type to Keptn’s API. Stop them.',
  'no-triggeredid': 'An answer that does not say what it answers. Mend the sender.',
  'bad-subject': 'It is under no subject of a stamp. Check the rights of the gateway’s users.',
  'recipient-refused':
    'The recipient will not take it; the detail says where. Mend the recipient, and post it by hand: signet dlq show N --body | curl.',
  'recipient-down':
    'The recipient did not take it for an hour. Mend the recipient, and post it by hand: signet dlq show N --body | curl.',
}

const BY_HAND =
  'its stamp has the event already, and would take it for a duplicate. Post it to the recipient by hand: signet dlq show N --body | curl'

const FINAL: Readonly<Record<string, string>> = {
  'id-conflict': 'its id belongs to another event; send it anew with an id of its own',
  loop: 'it has been through the stamp that it was to go to',
  'no-triggeredid': 'it does not say what it answers, and Keptn would count it for any open task',
  'not-a-target': 'it answers a task that its stamp was not given',
  'not-over-https': 'it speaks for a stamp that never sent it',
  'no-answer': 'it holds no answer of a stamp',
  'bad-subject': 'it came under no subject of a stamp',
  'refused-by-api': 'Keptn’s API will never take it',
  'recipient-refused': BY_HAND,
  'recipient-down': BY_HAND,
}
