import type { FastifyInstance } from 'fastify'
import type { ApiContext } from './api-context.ts'
import { fail, jsonBody, queryOf } from './api-context.ts'
import { decodeRegistration, decodeSubscription } from './registration.ts'

interface Params {
  readonly id: string
  readonly sid: string
}

const noDocuments = 'mongo: no documents in result'

/** The Uniform API of shipyard-controller (wire 4.1), odd status codes included. */
export function uniformRoutes(app: FastifyInstance, { uniform, controller }: ApiContext): void {
  const base = '/v1/uniform/registration'

  app.post(base, (request, reply) => {
    const json = jsonBody(request.body)
    const wanted = json.ok ? decodeRegistration(json.value) : json
    if (!wanted.ok) return fail(reply, 400, wanted.reason)
    const registered = uniform.register(wanted.value)
    if (registered.code === 400) return fail(reply, 400, registered.message)
    return reply.code(registered.code).send({ id: registered.id })
  })

  app.get(base, (request, reply) => reply.send(uniform.list(queryOf(request.query))))

  app.put<{ Params: Params }>(`${base}/:id/ping`, (request, reply) => {
    const registration = uniform.ping(request.params.id)
    if (registration === undefined) return fail(reply, 404, 'uniform integration not found')
    return reply.send(registration)
  })

  app.delete<{ Params: Params }>(`${base}/:id`, (request, reply) => {
    uniform.unregister(request.params.id)
    return reply.send({})
  })

  app.post<{ Params: Params }>(`${base}/:id/subscription`, (request, reply) => {
    const json = jsonBody(request.body)
    const wanted = json.ok ? decodeSubscription(json.value) : json
    if (!wanted.ok) return fail(reply, 400, wanted.reason)
    const id = controller().newId()
    if (!uniform.putSubscription(request.params.id, { ...wanted.value, id })) {
      return fail(reply, 404, noDocuments)
    }
    return reply.code(201).send({ id })
  })

  app.put<{ Params: Params }>(`${base}/:id/subscription/:sid`, (request, reply) => {
    const json = jsonBody(request.body)
    const wanted = json.ok ? decodeSubscription(json.value) : json
    if (!wanted.ok) return fail(reply, 400, wanted.reason)
    const id = request.params.sid
    if (!uniform.putSubscription(request.params.id, { ...wanted.value, id })) {
      return fail(reply, 500, noDocuments)
    }
    return reply.code(201).send({ id })
  })

  app.get<{ Params: Params }>(`${base}/:id/subscription`, (request, reply) => {
    const registration = uniform.get(request.params.id)
    if (registration === undefined) return fail(reply, 404, noDocuments)
    // Go prints an empty slice that was never made as null.
    const subscriptions = registration.subscriptions ?? []
    const text = subscriptions.length === 0 ? 'null' : JSON.stringify(subscriptions)
    return reply.type('application/json; charset=utf-8').send(text)
  })

  app.get<{ Params: Params }>(`${base}/:id/subscription/:sid`, (request, reply) => {
    const { id, sid } = request.params
    const subscription = uniform.get(id)?.subscriptions?.find((candidate) => candidate.id === sid)
    return subscription === undefined ? fail(reply, 404, noDocuments) : reply.send(subscription)
  })

  app.delete<{ Params: Params }>(`${base}/:id/subscription/:sid`, (request, reply) => {
    const { id, sid } = request.params
    return uniform.deleteSubscription(id, sid)
      ? reply.send({})
      : fail(reply, 500, 'Updating the path would create a conflict')
  })
}
