/** A signal that follows others, until it is let go. */
export interface FollowingSignal extends Disposable {
  readonly signal: AbortSignal
}

export interface Follows {
  readonly signals: readonly AbortSignal[]
  /** Aborted after so many milliseconds, with a `TimeoutError`; absent: never. */
  readonly timeoutMs?: number
}

/**
 * A signal that is aborted with the first of some, or when its time is up. In place of `AbortSignal.any` over
 * `AbortSignal.timeout`, which Node 20 may collect as garbage while a `fetch` still waits for them. What it listens to and its timer go with `using`.
 */
export function following({ signals, timeoutMs }: Follows): FollowingSignal {
  const own = new AbortController()
  const follow = (event: Event): void => {
    own.abort((event.target as AbortSignal).reason)
  }
  for (const signal of signals) {
    if (signal.aborted) own.abort(signal.reason)
    else signal.addEventListener('abort', follow)
  }
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          own.abort(new DOMException('The time is up.', 'TimeoutError'))
        }, timeoutMs)
  return {
    signal: own.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', follow)
    },
  }
}
