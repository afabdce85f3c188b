import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type {
  RegisteredSubscription,
  Registering,
  Registration,
  RegistrationFilter,
} from '../domain/registration.ts'
import { parseRegisteredSubscription, parseRegistration } from '../domain/registration-parse.ts'

/** What the routes need of a stamp's registrations. */
export interface UniformRegistrations {
  register(wanted: Registration): Promise<Registering | { readonly kind: 'full' }>
  find(filter: RegistrationFilter): readonly Registration[]
  get(id: string): Registration | undefined
  ping(id: string): Registration | undefined
  remove(id: string): Promise<void>
  putSubscription(
    id: string,
    subscription: RegisteredSubscription,
  ): Promise<'kept' | 'unknown' | 'full'>
  removeSubscription(id: string, subscriptionId: string): Promise<'kept' | 'unknown' | 'full'>
}

export interface UniformRoutes {
  readonly registrations: UniformRegistrations
  /** An integration's error logs, as it sent them. */
  readonly onLogs: (logs: readonly unknown[]) => void
}

interface One {
  readonly Params: { readonly id: string }
}
interface OneSubscription {
  readonly Params: { readonly id: string; readonly sid: string }
}

const BASE = '/v1/uniform/registration'
/** What Keptn says of an integration that is not there, in two ways (wire 4.1). */
const NOT_FOUND = 'uniform integration not found'
const NO_DOCUMENTS = 'mongo: no documents in result'
const FULL = 'this stamp keeps no more registrations: all of them must fit into one message'

/** Answers in the one shape that Keptn's APIs have for errors (wire 4.1). */
export function fail(reply: FastifyReply, code: number, message: string): FastifyReply {
  return reply.code(code).send({ code, message })
}

/** The Uniform API of shipyard-controller for the integrations of one stamp, odd status codes included. */
export function uniformRoutes(app: FastifyInstance, routes: UniformRoutes): void {
  registrationRoutes(app, routes.registrations)
  subscriptionRoutes(app, routes.registrations)
  app.post('/v1/log', (request, reply) => {
    const body = jsonOf(request.body)
    const logs = body.ok && isLogs(body.json) ? (body.json.logs ?? []) : undefined
    if (logs === undefined)
      return fail(reply, 400, 'the body is no JSON object with a list of logs')
    routes.onLogs(logs)
    return reply.send({})
  })
}

function registrationRoutes(app: FastifyInstance, registrations: UniformRegistrations): void {
  app.post(BASE, async (request, reply) => {
    const body = jsonOf(request.body)
    if (!body.ok) return fail(reply, 400, body.detail)
    const wanted = parseRegistration(body.json)
    if (!wanted.ok) return fail(reply, 400, wanted.detail)
    const registered = await registrations.register(wanted.value)
    switch (registered.kind) {
      case 'created':
        return reply.code(201).send({ id: registered.registration.id })
      case 'existing':
        return reply.send({ id: registered.registration.id })
      case 'incomplete':
        return fail(reply, 400, `incomplete integration: ${registered.missing.join(', ')} missing`)
      case 'full':
        return fail(reply, 500, FULL)
    }
  })

  app.get<{ Querystring: RegistrationFilter }>(BASE, (request, reply) =>
    reply.send(registrations.find(single(request.query))),
  )

  app.put<One>(`${BASE}/:id/ping`, (request, reply) => {
    const registration = registrations.ping(request.params.id)
    return registration === undefined ? fail(reply, 404, NOT_FOUND) : reply.send(registration)
  })

  app.delete<One>(`${BASE}/:id`, async (request, reply) => {
    await registrations.remove(request.params.id)
    return reply.send({})
  })
}

function subscriptionRoutes(app: FastifyInstance, registrations: UniformRegistrations): void {
  const list = `${BASE}/:id/subscription`

  /** Adds or replaces; `unknown` is the status for an integration that is not there. */
  async function put(
    reply: FastifyReply,
    { id, sid, body, unknown }: { id: string; sid: string; body: unknown; unknown: number },
  ): Promise<FastifyReply> {
    const read = jsonOf(body)
    if (!read.ok) return fail(reply, 400, read.detail)
    const wanted = parseRegisteredSubscription(read.json)
    if (!wanted.ok) return fail(reply, 400, wanted.detail)
    const changed = await registrations.putSubscription(id, { ...wanted.value, id: sid })
    if (changed === 'kept') return reply.code(201).send({ id: sid })
    return changed === 'full' ? fail(reply, 500, FULL) : fail(reply, unknown, NO_DOCUMENTS)
  }

  app.post<One>(list, ({ params: { id }, body }, reply) =>
    put(reply, { id, sid: randomUUID(), body, unknown: 404 }),
  )

  app.put<OneSubscription>(`${list}/:sid`, ({ params: { id, sid }, body }, reply) =>
    put(reply, { id, sid, body, unknown: 500 }),
  )

  app.get<One>(list, (request, reply) => {
    const registration = registrations.get(request.params.id)
    if (registration === undefined) return fail(reply, 404, NO_DOCUMENTS)
    const { subscriptions } = registration
    // Go writes a list that was never made as null, and clients know only that.
    const text = subscriptions.length === 0 ? 'null' : JSON.stringify(subscriptions)
    return reply.type('application/json; charset=utf-8').send(text)
  })

  app.get<OneSubscription>(`${list}/:sid`, ({ params: { id, sid } }, reply) => {
    const found = registrations.get(id)?.subscriptions.find((one) => one.id === sid)
    return found === undefined ? fail(reply, 404, NO_DOCUMENTS) : reply.send(found)
  })

  app.delete<OneSubscription>(`${list}/:sid`, async ({ params: { id, sid } }, reply) => {
    const changed = await registrations.removeSubscription(id, sid)
    return changed === 'kept' ? reply.send({}) : fail(reply, 500, NO_DOCUMENTS)
  })
}

type Json = { readonly ok: true; readonly json: unknown } | { readonly ok: false; detail: string }

/** Bodies come as bytes whatever they call themselves: Go clients send an empty one as JSON, too. */
function jsonOf(body: unknown): Json {
  try {
    return { ok: true, json: JSON.parse(body instanceof Buffer ? body.toString('utf8') : '') }
  } catch (error) {
    return { ok: false, detail: `bad JSON: ${error instanceof Error ? error.message : 'unread'}` }
  }
}

function isLogs(json: unknown): json is { readonly logs?: readonly unknown[] | null } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false
  const { logs } = json as { readonly logs?: unknown }
  return logs === undefined || logs === null || Array.isArray(logs)
}

/** Of a query parameter that is given more than once the first counts, as in Go. */
function single(query: Readonly<Record<string, unknown>>): RegistrationFilter {
  return Object.fromEntries(
    Object.entries(query).flatMap(([key, value]) => {
      const first: unknown = Array.isArray(value) ? value[0] : value
      return typeof first === 'string' ? [[key, first]] : []
    }),
  )
}
