/**
 * The parts of a source, which may be silent for so long between two of them, in milliseconds; then `late`
 * is thrown, and the source is told to end.
 */
export async function* patient(
  source: AsyncIterable<Uint8Array>,
  silenceMs: number,
  late: () => Error,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const result = await next(iterator, silenceMs, late)
      if (result.done === true) {
        isOver = true
        return
      }
      yield result.value
    }
  } finally {
    // Not awaited: a source that is silent may not answer this either.
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}

function next(
  iterator: AsyncIterator<Uint8Array>,
  silenceMs: number,
  late: () => Error,
): Promise<IteratorResult<Uint8Array>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(late())
    }, silenceMs)
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer)
      })
  })
}
