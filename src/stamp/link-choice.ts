/** A link that a stamp may have to its control plane. */
export type Link = 'nats' | 'https'

/** Which link what begins now goes by. */
export interface LinkChoice {
  /** Undefined while neither can be begun with: what comes waits. */
  readonly link: Link | undefined
  /** Resolves with a link as soon as there is one. Rejects with the reason of `signal`. */
  chosen(signal: AbortSignal): Promise<Link>
  /** Calls `listener` at each change, until the returned function is called. */
  onChange(listener: () => void): () => void
}

/** Where NATS is forbidden. */
export const httpsOnly: LinkChoice = {
  link: 'https',
  chosen: () => Promise.resolve('https'),
  onChange: () => () => {},
}
