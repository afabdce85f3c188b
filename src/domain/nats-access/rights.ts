/**
 * What one party may say and hear on a NATS server. A party gets nothing that is not here (DESIGN 4, 7.2 of
 * nats-notes): every right has a sentence, which the documents print.
 */
export interface Rights {
  readonly says: readonly Say[]
  readonly hears: readonly Hear[]
  /** Patterns that `hears` covers and that it may not hear all the same. */
  readonly hearsNot?: readonly string[]
}

/** A subject or pattern to publish to. */
export interface Say {
  readonly subject: string
  /** How many messages come back to the reply subject: a service import between accounts must know. */
  readonly answers: 'none' | 'one' | 'many'
  readonly why: string
}

/** A subject or pattern to subscribe to. */
export interface Hear {
  readonly subject: string
  readonly why: string
}

/** All that several parties may who are one user. */
export function allRights(...parts: readonly Rights[]): Rights {
  return {
    says: unique(parts.flatMap(({ says }) => says)),
    hears: unique(parts.flatMap(({ hears }) => hears)),
  }
}

function unique<Right extends { readonly subject: string }>(rights: readonly Right[]): Right[] {
  return [...new Map(rights.map((right) => [right.subject, right])).values()]
}
