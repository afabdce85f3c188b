import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { missingAttribute, refusalOf, rewritePosted } from './api-event.ts'
import type { ApiContext } from './api-context.ts'
import { fail } from './api-context.ts'
import { decodeEvent } from './go-decode.ts'
import { encodeGoModel } from './go-encode.ts'

/** api-service's own routes (wire 5.2). It checks the token itself, within the cluster too. */
export function apiServiceRoutes(app: FastifyInstance, context: ApiContext): void {
  const { controller, options } = context

  app.post('/v1/auth', (request, reply) => {
    if (!isAuthorized(request, reply, options.token)) return reply
    return reply.send({})
  })

  app.get('/v1/metadata', (request, reply) => {
    if (!isAuthorized(request, reply, options.token)) return reply
    return reply.send({
      namespace: 'keptn',
      keptnlabel: 'keptn',
      keptnversion: 'N/A',
      shipyardversion: '0.2.0',
      bridgeversion: 'N/A',
      automaticprovisioning: false,
    })
  })

  app.post('/v1/event', (request, reply) => {
    if (!isAuthorized(request, reply, options.token)) return reply
    const decoded = decodeEvent(typeof request.body === 'string' ? request.body : '')
    if (!decoded.ok) return fail(reply, 400, `parsing body body from "" failed: ${decoded.reason}`)
    const missing = missingAttribute(decoded.value)
    if (missing !== undefined) return fail(reply, 422, `${missing} in body is required`, 602)
    const refusal = options.validateEvents ? refusalOf(decoded.value) : undefined
    if (refusal !== undefined) return fail(reply, 400, refusal)
    const { now, newId, publish } = controller()
    const event = rewritePosted(decoded.value, now(), newId)
    try {
      publish(event.type ?? '', encodeGoModel(event))
    } catch (error) {
      return fail(reply, 500, error instanceof Error ? error.message : 'publish failed')
    }
    return reply.send({ keptnContext: event.shkeptncontext })
  })
}

function isAuthorized(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string | undefined,
): boolean {
  const given = request.headers['x-token']
  if (token === undefined || given === token) return true
  const message =
    given === undefined ? 'unauthenticated for invalid credentials' : 'incorrect api key auth'
  void fail(reply, 401, message)
  return false
}
