import type { RegisteredSubscription, Registration } from './registration.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly detail: string }

/**
 * Reads an integration as Go would: what is missing or null is empty, what is unknown is dropped, and
 * what is of another kind is a mistake.
 */
export function parseRegistration(json: unknown): Parsed<Registration> {
  return parsed(json, 'an integration', readRegistration)
}

/** Reads a subscription in the same way. */
export function parseRegisteredSubscription(json: unknown): Parsed<RegisteredSubscription> {
  return parsed(json, 'a subscription', readSubscription)
}

function parsed<T>(json: unknown, what: string, read: (fields: Fields) => T): Parsed<T> {
  if (!isJsonObject(json)) return { ok: false, detail: `${what} is a JSON object` }
  const mistakes: string[] = []
  const value = read(new Fields(json, '', mistakes))
  const [detail] = mistakes
  return detail === undefined ? { ok: true, value } : { ok: false, detail }
}

function readRegistration(fields: Fields): Registration {
  const metadata = fields.object('metadata')
  const kubernetes = metadata.object('kubernetesmetadata')
  return {
    id: fields.text('id'),
    name: fields.text('name'),
    metadata: {
      hostname: metadata.text('hostname'),
      integrationversion: metadata.text('integrationversion'),
      distributorversion: metadata.text('distributorversion'),
      location: metadata.text('location'),
      kubernetesmetadata: {
        namespace: kubernetes.text('namespace'),
        podname: kubernetes.text('podname'),
        deploymentname: kubernetes.text('deploymentname'),
      },
      lastseen: metadata.text('lastseen'),
    },
    subscriptions: fields.objects('subscriptions').map(readSubscription),
  }
}

function readSubscription(fields: Fields): RegisteredSubscription {
  const filter = fields.object('filter')
  return {
    id: fields.text('id'),
    event: fields.text('event'),
    filter: {
      projects: filter.texts('projects'),
      stages: filter.texts('stages'),
      services: filter.texts('services'),
    },
  }
}

/** The fields of one object; notes what is of the wrong kind, and reads on. */
class Fields {
  readonly #json: JsonObject
  readonly #path: string
  readonly #mistakes: string[]

  constructor(json: JsonObject, path: string, mistakes: string[]) {
    this.#json = json
    this.#path = path
    this.#mistakes = mistakes
  }

  text(key: string): string {
    const value = this.#json[key] ?? ''
    return typeof value === 'string' ? value : this.#mistake(key, 'a string', '')
  }

  texts(key: string): readonly string[] {
    const list = this.#list(key)
    return list.every(isText) ? list : this.#mistake(key, 'a list of strings', [])
  }

  object(key: string): Fields {
    const value = this.#json[key] ?? {}
    const json = isJsonObject(value) ? value : this.#mistake(key, 'an object', {})
    return new Fields(json, `${this.#path}${key}.`, this.#mistakes)
  }

  objects(key: string): readonly Fields[] {
    return this.#list(key).map((item, index) => {
      const json = isJsonObject(item) ? item : this.#mistake(key, 'a list of objects', {})
      return new Fields(json, `${this.#path}${key}[${index}].`, this.#mistakes)
    })
  }

  #list(key: string): readonly unknown[] {
    const value = this.#json[key] ?? []
    return Array.isArray(value) ? value : this.#mistake(key, 'a list', [])
  }

  #mistake<T>(key: string, wanted: string, instead: T): T {
    this.#mistakes.push(`${this.#path}${key} is no ${wanted.replace(/^an? /, '')}`)
    return instead
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
