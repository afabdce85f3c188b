/** What is read of an event before anything is known of it. Empty where it is missing or no text. */
export interface EventOutline {
  readonly id: string
  readonly type: string
  readonly time: string
}

/** Reads the outline of any text, valid or not: what nobody wants needs no checks, and no dead letter. */
export function outlineOf(text: string): EventOutline {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  const field = (name: string): string => {
    const value = (json as Readonly<Record<string, unknown>> | null | undefined)?.[name]
    return typeof value === 'string' ? value : ''
  }
  return { id: field('id'), type: field('type'), time: field('time') }
}
