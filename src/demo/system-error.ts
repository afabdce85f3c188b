/** The code that Node gives an operating-system error (`ENOENT`), where `error` is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What went wrong, in a few words: `fetch` and `execFile` hide it in different places. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error && error.message === 'fetch failed') return reasonOf(error.cause)
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(reasonOf).join('; ')
  }
  if ('killed' in error && error.killed === true) return 'no answer in time'
  if ('stderr' in error && typeof error.stderr === 'string' && error.stderr.trim() !== '') {
    return error.stderr.trim().split('\n').at(-1) ?? ''
  }
  return error.message.trim() || (systemCode(error) ?? error.name)
}
