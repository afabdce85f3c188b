import type { FastifyInstance } from 'fastify'
import { fastify } from 'fastify'
import type { ApiContext } from './api-context.ts'
import { apiServiceRoutes } from './api-service-routes.ts'
import { datastoreRoutes } from './datastore-routes.ts'
import { gatewayPath } from './nginx-path.ts'
import { shipyardRoutes } from './shipyard-routes.ts'
import { uniformRoutes } from './uniform-routes.ts'

/** The body limit of Keptn's api-gateway (wire 5.4). */
const gatewayBodyBytes = 5 * 1024 * 1024

/**
 * All of Keptn's APIs that the double has, on one server: at the root as the services show them
 * within the cluster, and under `/api` as the gateway shows them to the world, with its handling of
 * paths, its token check and its refusals.
 *
 * @param isDown whether shipyard-controller has crashed, and the gateway therefore answers 502
 */
export function buildHttpApi(context: ApiContext, isDown: () => boolean): FastifyInstance {
  const app = fastify({
    bodyLimit: gatewayBodyBytes,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500 },
    rewriteUrl: (request) => {
      const url = request.url ?? '/'
      return url.startsWith('/api/') ? gatewayPath(url) : url
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body)
  })
  const shipyard = (scope: FastifyInstance) => {
    scope.addHook('onRequest', async (_request, reply) => {
      if (isDown()) await reply.code(502).type('text/html').send('502 Bad Gateway')
    })
    uniformRoutes(scope, context)
    shipyardRoutes(scope, context)
  }

  app.get('/health', (_request, reply) => reply.send({ status: 'OK' }))
  app.register(async (scope) => shipyard(scope))
  app.register(async (scope) => apiServiceRoutes(scope, context))
  app.register(async (scope) => datastoreRoutes(scope, context))
  app.register(async (scope) => apiServiceRoutes(scope, context), { prefix: '/api' })
  app.register(
    async (scope) => {
      checkToken(scope, context.options.token)
      deny(scope, (method, path) => method === 'DELETE' && path.endsWith('/v1/log'))
      shipyard(scope)
    },
    { prefix: '/api/controlPlane' },
  )
  app.register(
    async (scope) => {
      checkToken(scope, context.options.token)
      deny(scope, (_method, path) => path.endsWith('/health'))
      datastoreRoutes(scope, context)
    },
    { prefix: '/api/mongodb-datastore' },
  )
  return app
}

function checkToken(scope: FastifyInstance, token: string | undefined): void {
  scope.addHook('onRequest', async (request, reply) => {
    if (token === undefined || request.headers['x-token'] === token) return
    // The gateway's own answer: with a blank, and as plain text (measured, wire 5.4).
    const body = '{"code":401, "message":"unauthenticated or invalid credentials"}'
    await reply.code(401).type('text/plain').send(body)
  })
}

function deny(scope: FastifyInstance, which: (method: string, path: string) => boolean): void {
  scope.addHook('onRequest', async (request, reply) => {
    const path = request.url.split('?')[0] ?? ''
    if (!which(request.method, path)) return
    await reply.code(403).type('text/html').send('<html><body>403 Forbidden</body></html>')
  })
}
