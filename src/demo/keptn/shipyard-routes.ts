import type { FastifyInstance } from 'fastify'
import type { ApiContext } from './api-context.ts'
import { fail, jsonBody, numberOf, queryOf } from './api-context.ts'
import { encodeGoModel } from './go-encode.ts'
import type { KeptnEvent } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'
import { buggyPageOf, pageOf } from './paging.ts'
import { controlSequence } from './sequence-control.ts'

/** shipyard-controller's routes for projects, open events, sequences and logs (wire 5.1, 5.3). */
export function shipyardRoutes(app: FastifyInstance, context: ApiContext): void {
  projectRoutes(app, context)
  openEventRoutes(app, context)
  sequenceRoutes(app, context)
  logRoutes(app, context)
}

function projectRoutes(app: FastifyInstance, { controller }: ApiContext): void {
  app.get('/v1/project', (request, reply) => {
    const { pageSize, nextPageKey } = queryOf(request.query)
    const projects = Object.entries(controller().shipyards).map(([projectName, shipyard]) => ({
      projectName,
      // Its text as it is in the repository; JSON is YAML too.
      shipyard: JSON.stringify(shipyard),
      shipyardVersion: 'spec.keptn.sh/0.2.2',
      stages: shipyard.spec.stages.map(({ name }) => ({ stageName: name, services: [] })),
    }))
    const page = pageOf(projects, { pageSize: numberOf(pageSize), nextPageKey })
    return reply.send({
      projects: page.items,
      nextPageKey: page.nextPageKey,
      pageSize: page.items.length,
      totalCount: page.totalCount,
    })
  })
}

function openEventRoutes(app: FastifyInstance, { controller, options }: ApiContext): void {
  app.get<{ Params: { type: string } }>('/v1/event/triggered/:type', (request, reply) => {
    const { store, shipyards, now } = controller()
    const { project, stage, service, eventID, pageSize, nextPageKey } = queryOf(request.query)
    const filter = { type: request.params.type, stage, service, eventId: eventID }
    if (project !== undefined && project !== '' && !Object.hasOwn(shipyards, project)) {
      return fail(reply, 404, 'project not found')
    }
    const projects = project === undefined || project === '' ? Object.keys(shipyards) : [project]
    const all = projects.flatMap((name) => store.openEvents.query(name, filter, now()))
    const query = { pageSize: numberOf(pageSize), nextPageKey }
    const page = options.paginationBug ? buggyPageOf(all, query) : pageOf(all, query)
    return reply.type('application/json; charset=utf-8').send(eventList(page.items, page))
  })
}

/** A list of events as Keptn answers it, each in the order of the Go model. */
function eventList(
  events: readonly KeptnEvent[],
  page: { readonly nextPageKey: string; readonly totalCount: number },
): string {
  const count = page.totalCount === 0 ? '' : `,"totalCount":${page.totalCount}`
  const list = events.map(encodeGoModel).join(',')
  return `{"events":[${list}],"nextPageKey":"${page.nextPageKey}"${count}}`
}

function sequenceRoutes(app: FastifyInstance, { controller }: ApiContext): void {
  app.get<{ Params: { project: string } }>('/v1/sequence/:project', (request, reply) => {
    const query = queryOf(request.query)
    const contexts = query['keptnContext']?.split(',')
    const states = controller()
      .store.states.ofProject(request.params.project)
      .filter(
        (state) =>
          (query['name'] ?? state.name) === state.name &&
          (query['state'] ?? state.state) === state.state &&
          (contexts?.includes(state.shkeptncontext) ?? true) &&
          isWithin(state.time, query['fromTime'], query['beforeTime']),
      )
    const pageSize = numberOf(query['pageSize'])
    const page = pageOf(states, { pageSize, nextPageKey: query['nextPageKey'] })
    return reply.send({
      states: page.items,
      nextPageKey: Number(page.nextPageKey),
      pageSize: page.items.length,
      totalCount: page.totalCount,
    })
  })

  app.post<{ Params: { project: string; context: string } }>(
    '/v1/sequence/:project/:context/control',
    (request, reply) => {
      const json = jsonBody(request.body)
      if (!json.ok) return fail(reply, 400, json.reason)
      const body = isJsonObject(json.value) ? json.value : {}
      const { state, stage = '' } = body
      if (typeof state !== 'string' || state === '') return fail(reply, 400, 'state is required')
      if (typeof stage !== 'string') return fail(reply, 400, 'stage is not a string')
      controlSequence(controller(), { ...request.params, stage }, state)
      return reply.send({})
    },
  )
}

function logRoutes(app: FastifyInstance, { controller, logs }: ApiContext): void {
  app.post('/v1/log', (request, reply) => {
    const json = jsonBody(request.body)
    if (!json.ok) return fail(reply, 400, json.reason)
    return logs.add(json.value, controller().now())
      ? reply.send({})
      : fail(reply, 400, 'logs is not a list of objects')
  })

  app.get('/v1/log', (request, reply) => {
    const { integrationId, pageSize, nextPageKey } = queryOf(request.query)
    const page = pageOf(logs.list(integrationId), { pageSize: numberOf(pageSize), nextPageKey })
    return reply.send({
      logs: page.items,
      nextPageKey: Number(page.nextPageKey),
      pageSize: page.items.length,
      totalCount: page.totalCount,
    })
  })

  app.delete('/v1/log', (request, reply) => {
    logs.clear(queryOf(request.query)['integrationId'])
    return reply.send({})
  })
}

function isWithin(time: string, from: string | undefined, before: string | undefined): boolean {
  const at = Date.parse(time)
  return (
    (from === undefined || at >= Date.parse(from)) &&
    (before === undefined || at < Date.parse(before))
  )
}
