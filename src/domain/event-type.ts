/**
 * The grammar of Keptn event types (wire 1.3): five tokens are a task's event, six a sequence's. Keptn
 * itself takes `sh.keptn.event.deployment.status.changed` for a sequence event of stage `deployment`;
 * here it is what its sender meant, the status of a task.
 */
export type EventType =
  | { readonly shape: 'task'; readonly task: string; readonly kind: string }
  | {
      readonly shape: 'sequence'
      readonly stage: string
      readonly sequence: string
      readonly kind: string
    }
  /** `project.create.finished` and its like: no stage, although they have six tokens. */
  | { readonly shape: 'entity'; readonly entity: string; readonly kind: string }
  | { readonly shape: 'other'; readonly kind: string }

const STATUS_CHANGED = 'status.changed'
const ENTITIES: ReadonlySet<string> = new Set(['project', 'service'])
const ENTITY_ACTIONS: ReadonlySet<string> = new Set(['create', 'delete', 'update'])

/** Takes an event type apart. Total: what fits no grammar is `other`. */
export function parseEventType(type: string): EventType {
  const tokens = type.split('.')
  const kind = tokens.at(-1) ?? ''
  const other: EventType = { shape: 'other', kind }
  if (tokens.some((token) => token === '')) return other
  if (tokens[0] !== 'sh' || tokens[1] !== 'keptn' || tokens[2] !== 'event') return other
  const [, , , first = '', second = ''] = tokens
  if (tokens.length === 5) return { shape: 'task', task: first, kind }
  if (
    tokens.length === 7 &&
    tokens.slice(5).join('.') === STATUS_CHANGED &&
    isEntity(first, second)
  )
    return { shape: 'entity', entity: first, kind: STATUS_CHANGED }
  if (tokens.length !== 6) return other
  if (tokens.slice(4).join('.') === STATUS_CHANGED)
    return { shape: 'task', task: first, kind: STATUS_CHANGED }
  if (isEntity(first, second)) return { shape: 'entity', entity: first, kind }
  return { shape: 'sequence', stage: first, sequence: second, kind }
}

/**
 * The seeds write a sequence event as `sh.keptn.event.<stage>-<sequence>.<verb>`, a slip that a client
 * may have copied. Such an event is a five-token type whose first word begins with its own stage and
 * which Keptn itself did not send; it is read as what was meant, and never produced.
 */
export function readSlip(type: EventType, dataStage: string, source: string): EventType {
  if (type.shape !== 'task' || dataStage === '' || source === 'shipyard-controller') return type
  const prefix = `${dataStage}-`
  if (!type.task.startsWith(prefix) || type.task.length === prefix.length) return type
  return {
    shape: 'sequence',
    stage: dataStage,
    sequence: type.task.slice(prefix.length),
    kind: type.kind,
  }
}

function isEntity(entity: string, action: string): boolean {
  return ENTITIES.has(entity) && ENTITY_ACTIONS.has(action)
}
