export interface Answer {
  readonly status: number
  readonly text: string
  readonly json: unknown
}

/** Calls the Uniform API. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', connection: 'close' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  // Every answer of this API is JSON, errors included.
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('application/json')) throw new Error(`answered with ${type}`)
  return { status: response.status, text, json: JSON.parse(text) }
}

export const BASE = '/v1/uniform/registration'

/** Registers over HTTP, and returns the id. */
export async function registerOver(url: string, registration: object): Promise<string> {
  const { json } = await call(url, 'POST', BASE, registration)
  return (json as { id: string }).id
}
