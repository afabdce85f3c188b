import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type {
  RegisteredSubscription,
  Registration,
  RegistrationFilter,
} from '../domain/registration.ts'
import type { Registering } from '../domain/registration-identity.ts'
import { parseRegisteredSubscription, parseRegistration } from '../domain/registration-parse.ts'

/** What the routes need of a stamp's registrations. */
export interface UniformRegistrations {
  register(wanted: Registration): Promise<Registering | { readonly kind: 'full' }>
  find(filter: RegistrationFilter): readonly Registration[]
  get(id: string): Registration | undefined
  /** Looks for one that is unknown where the agents of the stamp keep them; rejects where that is away. */
  lookUp(id: string): Promise<void>
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
  /** Brings an integration's error logs to the control plane. */
  readonly onLogs: (
    logs: readonly unknown[],
  ) => Promise<
    | { readonly ok: true }
    | { readonly ok: false; readonly status: number; readonly message: string }
  >
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
const AWAY = 'the registrations of this stamp cannot be read now'
const FULL = 'this stamp keeps no more registrations: all of them must fit into one message'

/** Answers in the one shape that Keptn's APIs have for errors (wire 4.1). */
export function fail(reply: FastifyReply, code: number, message: string): FastifyReply {
  return reply.code(code).send({ code, message })
}

/** The Uniform API of shipyard-controller for the integrations of one stamp, odd status codes included. */
export function uniformRoutes(app: FastifyInstance, routes: UniformRoutes): void {
  registrationRoutes(app, routes.registrations)
  subscriptionRoutes(app, routes.registrations)
  app.post('/v1/log', async (request, reply) => {
    const body = jsonOf(request.body)
    const logs = body.ok && isLogs(body.json) ? (body.json.logs ?? []) : undefined
    if (logs === undefined)
      return fail(reply, 400, 'the body is no JSON object with a list of logs')
    const answer = await routes.onLogs(logs)
    return answer.ok ? reply.send({}) : fail(reply, answer.status, answer.message)
  })
}

/**
 * Has one looked up that is unknown here, before it is said to be: it may have registered at another agent
 * a moment ago. True where that could not be done, and the answer is given.
 */
async function isAway(
  registrations: UniformRegistrations,
  id: string,
  reply: FastifyReply,
): Promise<boolean> {
  if (registrations.get(id) !== undefined) return false
  try {
    await registrations.lookUp(id)
    return false
  } catch {
    void fail(reply, 503, AWAY)
    return true
  }
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

  app.put<One>(`${BASE}/:id/ping`, async (request, reply) => {
    if (await isAway(registrations, request.params.id, reply)) return reply
    const registration = registrations.ping(request.params.id)
    return registration === undefined ? fail(reply, 404, NOT_FOUND) : reply.send(registration)
  })

  app.delete<One>(`${BASE}/:id`, async (request, reply) => {
    if (await isAway(registrations, request.params.id, reply)) return reply
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
    if (await isAway(registrations, id, reply)) return reply
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

  app.get<One>(list, async (request, reply) => {
    if (await isAway(registrations, request.params.id, reply)) return reply
    const registration = registrations.get(request.params.id)
    if (registration === undefined) return fail(reply, 404, NO_DOCUMENTS)
    const { subscriptions } = registration
    // Go writes a list that was never made as null, and clients know only that.
    const text = subscriptions.length === 0 ? 'null' : JSON.stringify(subscriptions)
    return reply.type('application/json; charset=utf-8').send(text)
  })

  app.get<OneSubscription>(`${list}/:sid`, async ({ params: { id, sid } }, reply) => {
    if (await isAway(registrations, id, reply)) return reply
    const found = registrations.get(id)?.subscriptions.find((one) => one.id === sid)
    return found === undefined ? fail(reply, 404, NO_DOCUMENTS) : reply.send(found)
  })

  app.delete<OneSubscription>(`${list}/:sid`, async ({ params: { id, sid } }, reply) => {
    if (await isAway(registrations, id, reply)) return reply
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
