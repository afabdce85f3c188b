import type { HeaderFields } from '../domain/http-fields.ts'
import type { KeptnServiceName } from '../domain/keptn-service.ts'

/** A body that is read while it is sent, once. */
export interface StreamedBody {
  /** In bytes, where it is known. */
  readonly length?: number
  read(): AsyncIterable<Uint8Array>
}

/** A request on its way to a service of Keptn. */
export interface TunnelRequest {
  readonly service: KeptnServiceName
  readonly method: string
  readonly target: string
  readonly headers: HeaderFields
  readonly body: Uint8Array | StreamedBody
}

/** What a service answered. Whoever gets a streamed body reads it to its end, or calls `cancel`. */
export interface TunnelAnswer {
  readonly status: number
  readonly headers: HeaderFields
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  cancel(): void
}

export function isWhole(body: unknown): body is Uint8Array {
  return body instanceof Uint8Array
}

export async function collected(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (isWhole(body)) return body
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}
