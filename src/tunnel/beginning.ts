/** How long a body that is not all there may keep its beginning back, in milliseconds. */
const HOLD_MS = 50

/**
 * The whole of a body where it has at most so many bytes and comes in one go; else nothing, and all of it
 * to read, what has come already first.
 */
export async function beginningOf(
  source: AsyncGenerator<Uint8Array>,
  mostBytes: number,
): Promise<{ readonly first: Uint8Array; readonly rest?: AsyncIterable<Uint8Array> }> {
  const parts: Uint8Array[] = []
  let bytes = 0
  let holding: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    for (;;) {
      const next = source.next()
      const result = await Promise.race([next, ...(holding === undefined ? [] : [holding])])
      if (result === undefined) return { first: new Uint8Array(), rest: from(parts, next, source) }
      if (result.done === true) return { first: Buffer.concat(parts) }
      parts.push(result.value)
      bytes += result.value.length
      if (bytes > mostBytes)
        return { first: new Uint8Array(), rest: from(parts, source.next(), source) }
      holding ??= new Promise((resolve) => {
        timer = setTimeout(resolve, HOLD_MS)
      })
    }
  } finally {
    clearTimeout(timer)
  }
}

async function* from(
  parts: readonly Uint8Array[],
  next: Promise<IteratorResult<Uint8Array>>,
  source: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  // Heard when it is read; it may fail before.
  next.catch(() => undefined)
  yield* parts
  const result = await next
  if (result.done === true) return
  yield result.value
  yield* source
}
