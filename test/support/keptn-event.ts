import { randomUUID } from 'node:crypto'

type Fields = Readonly<Record<string, unknown>>

/** The type of a sequence's `.finished` of stage `dev`: a notice to all its stamps (DESIGN 7.2). */
export const NOTICE = 'sh.keptn.event.dev.delivery.finished'

/** An event of stage `dev`, complete; `over` replaces attributes, `data` adds to the data. */
export function eventOf(type: string, over: Fields = {}, data: Fields = {}) {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: 'test',
    type,
    time: new Date().toISOString(),
    shkeptncontext: randomUUID(),
    data: { project: 'shop', stage: 'dev', service: 'cart', ...data },
    ...over,
  }
}
