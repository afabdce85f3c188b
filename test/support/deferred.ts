/** A promise and what settles it. */
export interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

export function deferred(): Deferred {
  const settlers: (() => void)[] = []
  const promise = new Promise<void>((resolve) => settlers.push(resolve))
  return { promise, resolve: () => settlers[0]?.() }
}
