import type { FastifyInstance } from 'fastify'
import type { ApiContext } from './api-context.ts'
import { fail, numberOf, queryOf } from './api-context.ts'
import type { RowFilter, StoredEvent } from './datastore.ts'
import { encodeGoModel } from './go-encode.ts'

/** mongodb-datastore's queries (wire 5.3). Duplicates are listed as often as they came. */
export function datastoreRoutes(app: FastifyInstance, { datastore }: ApiContext): void {
  app.get('/event', (request, reply) => {
    const query = queryOf(request.query)
    const pageSize = numberOf(query['pageSize']) ?? 20
    if (pageSize < 1 || pageSize > 100) {
      return fail(reply, 422, 'pageSize in query should be between 1 and 100', 602)
    }
    const filter: RowFilter = {
      context: query['keptnContext'],
      type: query['type'],
      project: query['project'],
      stage: query['stage'],
      service: query['service'],
      eventId: query['eventID'],
      source: query['source'],
      fromTime: query['fromTime'],
      beforeTime: query['beforeTime'],
      root: query['root'] !== undefined && query['root'] !== '',
    }
    const page = datastore.page(filter, { pageSize, nextPageKey: query['nextPageKey'] })
    const next = page.nextPageKey === '0' ? '' : `"nextPageKey":"${page.nextPageKey}",`
    const counts = `${next}"pageSize":${pageSize},"totalCount":${page.totalCount}`
    return reply.type('application/json').send(`{"events":[${printed(page.items)}],${counts}}`)
  })

  app.get<{ Params: { type: string } }>('/event/type/:type', (request, reply) => {
    const { filter = '', excludeInvalidated, fromTime, limit } = queryOf(request.query)
    const wanted = new Map(
      filter.split(' AND ').map((term) => {
        const [name = '', ...value] = term.split(':')
        return [name.trim(), value.join(':').trim()] as const
      }),
    )
    const rows: RowFilter = {
      project: wanted.get('data.project'),
      stage: wanted.get('data.stage'),
      service: wanted.get('data.service'),
      context: wanted.get('shkeptncontext'),
      triggeredId: wanted.get('triggeredid'),
      eventId: wanted.get('id'),
      source: wanted.get('source'),
      fromTime,
    }
    if (!rows.project && !rows.context) {
      return fail(reply, 400, 'either the shkeptncontext or the data.project must be set')
    }
    const found = datastore.ofType(request.params.type, rows, {
      excludeInvalidated: excludeInvalidated === 'true',
      limit: numberOf(limit),
    })
    return reply.type('application/json').send(`{"events":[${printed(found)}]}`)
  })
}

function printed(rows: readonly StoredEvent[]): string {
  return rows.map((row) => encodeGoModel(row.event)).join(',')
}
