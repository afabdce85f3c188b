import { parseRegistration } from '../domain/registration-parse.ts'
import { localNamespace } from '../domain/registration-translate.ts'
import { splitTarget } from '../domain/request-target.ts'
import type { ServiceCaller } from './service-caller.ts'
import { failure } from './tunnel-failure.ts'
import { collected } from './tunnel-request.ts'

/** A call to shipyard-controller, as far as it tells whose integration it is about. */
export interface RegistrationCall {
  readonly method: string
  /** Raw. */
  readonly target: string
  /** Undefined where it comes in parts. */
  readonly body: Uint8Array | undefined
}

const BASE = '/v1/uniform/registration'
const LOGS = '/v1/log'
/** Who an id belongs to is remembered for so many; Keptn makes it of what never changes. */
const MOST_KNOWN = 20_000
/** More than one agent of a stamp ever says in one call. */
const MOST_IDS = 64

/**
 * Holds every stamp to its own integrations at the control plane, whose API asks nobody who he is: the
 * namespace there names the stamp (DESIGN 7.8), and the stamp is who its subject says.
 */
export class OwnRegistrations {
  readonly #services: Pick<ServiceCaller, 'request'>
  /** The namespace there, by id. */
  readonly #known = new Map<string, string>()

  constructor(services: Pick<ServiceCaller, 'request'>) {
    this.#services = services
  }

  /**
   * Rejects with `SIGNET_TUNNEL_REFUSED` (`other-stamp`) where a call is about an integration of another
   * stamp, or about all; and as `ServiceCaller.request` where that cannot be found out.
   */
  async check(stamp: string, call: RegistrationCall, signal: AbortSignal): Promise<void> {
    const { path } = splitTarget(call.target)
    if (path === LOGS) {
      for (const id of idsOf(call)) await this.#checkId(stamp, id, signal)
      return
    }
    if (path !== BASE && !path.startsWith(`${BASE}/`)) return
    const id = path.slice(BASE.length + 1).split('/', 1)[0] ?? ''
    if (id !== '') await this.#checkId(stamp, decoded(id), signal)
    else if (call.method !== 'POST')
      throw failure('other-stamp', 'The list holds the integrations of all stamps.')
    else checkNamespace(stamp, namespaceIn(call))
  }

  async #checkId(stamp: string, id: string, signal: AbortSignal): Promise<void> {
    const known = this.#known.get(id)
    const namespace = known ?? (await this.#ask(id, signal))
    // Nobody's: Keptn says so itself.
    if (namespace === undefined) return
    if (known === undefined) this.#remember(id, namespace)
    checkNamespace(stamp, namespace)
  }

  async #ask(id: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#services.request(
      {
        service: 'shipyard-controller',
        method: 'GET',
        target: `${BASE}?id=${encodeURIComponent(id)}`,
        headers: [['accept', 'application/json']],
        body: new Uint8Array(),
        isRepeatable: true,
      },
      signal,
    )
    const list = jsonOf(await collected(answer.body))
    if (answer.status !== 200 || !Array.isArray(list))
      throw failure('service-broken', `Whose ${id} is was answered with ${answer.status}.`, 'no')
    const found = list
      .map((one) => parseRegistration(one))
      .find((it) => it.ok && it.value.id === id)
    return found?.ok === true ? found.value.metadata.kubernetesmetadata.namespace : undefined
  }

  #remember(id: string, namespace: string): void {
    const oldest = this.#known.keys().next().value
    if (this.#known.size >= MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(id, namespace)
  }
}

function checkNamespace(stamp: string, namespace: string | undefined): void {
  if (namespace !== undefined && localNamespace(namespace, stamp) !== undefined) return
  throw failure('other-stamp', `The integration is not one of stamp ${stamp}.`)
}

/** What is no registration has no namespace, and is refused here instead of by Keptn. */
function namespaceIn({ body }: RegistrationCall): string | undefined {
  const parsed = parseRegistration(body === undefined ? undefined : plainJson(body))
  return parsed.ok ? parsed.value.metadata.kubernetesmetadata.namespace : undefined
}

/** The integrations that logs are about. */
function idsOf({ method, body }: RegistrationCall): ReadonlySet<string> {
  if (method !== 'POST') throw failure('other-stamp', 'The logs are those of all stamps.')
  if (body === undefined) throw failure('too-large', 'So many logs do not go in one call.')
  const { logs } = (plainJson(body) ?? {}) as { readonly logs?: unknown }
  const ids = (Array.isArray(logs) ? (logs as unknown[]) : []).flatMap((log) => {
    const { integrationid } = (log ?? {}) as { readonly integrationid?: unknown }
    return typeof integrationid === 'string' && integrationid !== '' ? [integrationid] : []
  })
  const distinct = new Set(ids)
  if (distinct.size > MOST_IDS)
    throw failure('too-large', 'Logs of so many integrations do not go in one call.')
  return distinct
}

/** The keys that say whose something is. */
const TELLING: ReadonlyMap<string, string> = new Map(
  ['metadata', 'kubernetesmetadata', 'namespace', 'logs', 'integrationid'].map((key) => [
    folded(key),
    key,
  ]),
)

/**
 * What a stamp sends, as JSON. Go matches keys without regard to case, and the last one wins: a key that is
 * spelt in another way would say something else there than here.
 */
function plainJson(bytes: Uint8Array): unknown {
  const json = jsonOf(bytes)
  if (isMisspelt(json)) throw failure('bad-request', 'Refused: keys are spelt in lower case.')
  return json
}

function isMisspelt(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  return Object.entries(json).some(
    ([key, value]) => (TELLING.get(folded(key)) ?? key) !== key || isMisspelt(value),
  )
}

/** As Go's simple folding: the long s and the Kelvin sign count as s and k. */
function folded(key: string): string {
  return key.toLowerCase().toUpperCase()
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
