/** A page of events as Keptn's APIs answer it (wire 5.1, 5.3). */
export interface EventList {
  /** Each event's own JSON, as it stood in the answer. */
  readonly events: readonly string[]
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined
}

/**
 * Reads a page without making its events anew: a number that JavaScript would round stays what it is.
 * Undefined where the text is no such page.
 */
export function parseEventList(text: string): EventList | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined
  const { events, nextPageKey } = json as { events?: unknown; nextPageKey?: unknown }
  if (events !== undefined && events !== null && !Array.isArray(events)) return undefined
  const key = typeof nextPageKey === 'number' ? String(nextPageKey) : nextPageKey
  return {
    events: Array.isArray(events) ? slicesOf(text) : [],
    next: typeof key === 'string' && key !== '' && key !== '0' ? key : undefined,
  }
}

/** The elements of the array under the key `events` of an object; the text is valid JSON. */
function slicesOf(text: string): readonly string[] {
  const scan = new Scan(text)
  for (scan.enter(); !scan.isAtEnd; scan.separator()) {
    const key = scan.value()
    scan.separator()
    if (JSON.parse(key) !== 'events') {
      scan.value()
      continue
    }
    const slices: string[] = []
    for (scan.enter(); !scan.isAtEnd; scan.separator()) slices.push(scan.value())
    // Of a key that is there twice the last one counts, as in JSON.parse; the API makes no such thing.
    return slices
  }
  return []
}

/** Walks over valid JSON. */
class Scan {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Whether what comes next closes an object or an array. */
  get isAtEnd(): boolean {
    this.#blank()
    return this.#at >= this.#text.length || '}]'.includes(this.#text[this.#at] ?? '')
  }

  /** Steps into the object or array that comes next. */
  enter(): void {
    this.#blank()
    this.#at += 1
  }

  /** Steps over a comma or a colon, if one comes next. */
  separator(): void {
    this.#blank()
    if (',:'.includes(this.#text[this.#at] ?? ' ')) this.#at += 1
  }

  /** The text of the value that comes next. */
  value(): string {
    this.#blank()
    const start = this.#at
    let depth = 0
    do {
      const char = this.#text[this.#at]
      if (char === '"') this.#string()
      else {
        if (char === '{' || char === '[') depth += 1
        if (char === '}' || char === ']') depth -= 1
        this.#at += 1
        if (depth === 0 && !'{}[]'.includes(char ?? '')) this.#scalar()
      }
    } while (depth > 0)
    return this.#text.slice(start, this.#at)
  }

  /** The rest of a number or a word. */
  #scalar(): void {
    while (/[\w.+-]/.test(this.#text[this.#at] ?? '')) this.#at += 1
  }

  #string(): void {
    do {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    } while (this.#text[this.#at] !== '"' && this.#at < this.#text.length)
    this.#at += 1
  }

  #blank(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1
  }
}
