import type { FastifyReply } from 'fastify'
import type { Datastore } from './datastore.ts'
import type { Decoded } from './go-decode.ts'
import { parseJson } from './go-decode.ts'
import { isJsonObject } from './keptn-event.ts'
import type { LogStore } from './log-store.ts'
import type { ShipyardController } from './shipyard-controller.ts'
import type { Uniform } from './uniform.ts'

/** What the routes work on. */
export interface ApiContext {
  readonly controller: () => ShipyardController
  readonly uniform: Uniform
  readonly datastore: Datastore
  readonly logs: LogStore
  readonly options: ApiOptions
}

interface ApiOptions {
  /** The `x-token` that the public routes and api-service ask for; none is needed where it is unset. */
  readonly token: string | undefined
  /** Whether `POST /v1/event` validates (EVENT_VALIDATION_ENABLED, wire 5.2). */
  readonly validateEvents: boolean
  /** Whether pages of open events repeat the newest (wire 5.1). */
  readonly paginationBug: boolean
}

/** Answers in the shape of all errors of Keptn: `{"code":N,"message":"…"}`. */
export function fail(
  reply: FastifyReply,
  status: number,
  message: string,
  code = status,
): FastifyReply {
  return reply.code(status).send({ code, message })
}

/** A request's body as JSON. Bodies come as text, because Keptn looks at no content type. */
export function jsonBody(body: unknown): Decoded<unknown> {
  return typeof body === 'string' && body !== ''
    ? parseJson(body)
    : { ok: false, reason: 'unexpected end of JSON input' }
}

/** A query parameter where it was given once; Keptn's routes know no lists. */
export function queryOf(query: unknown): Readonly<Record<string, string | undefined>> {
  const entries = Object.entries(isJsonObject(query) ? query : {})
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? value : undefined]),
  )
}

/** A number from a query, or undefined where there is none. */
export function numberOf(value: string | undefined): number | undefined {
  const number = Number.parseInt(value ?? '', 10)
  return Number.isNaN(number) ? undefined : number
}
