import { parseJsonObject } from '../../domain/json.ts'
import { oauthClient } from '../../domain/oauth-client.ts'
import { parseRegistration } from '../../domain/registration-parse.ts'
import type { Registration } from '../../domain/registration.ts'
import { Exchange } from '../../https/exchange.ts'
import type { ApiResult } from '../../https/keptn-api.ts'
import { KeptnApi } from '../../https/keptn-api.ts'
import type { ApiFacts, ServiceFacts, SetupFacts } from '../facts.ts'

const TIMEOUT_MS = 5_000
const MOST_BYTES = 32 * 1_048_576
const REGISTRATIONS = '/v1/uniform/registration'

/** The public API of Keptn, where it is set; at home also api-service itself. */
export async function askApi(setup: SetupFacts, signal: AbortSignal): Promise<readonly ApiFacts[]> {
  const { settings } = setup
  const { endpoint } = settings.api
  const service = hubCalls(setup) ? settings.keptnServices['api-service'] : undefined
  return Promise.all([
    ...(endpoint === undefined ? [] : [metadata(setup, endpoint, signal)]),
    ...(service === undefined || endpoint !== undefined
      ? []
      : [metadata(setup, service, signal).then(withoutLogin)]),
  ])
}

/** Whether the hub can reach each service that it calls for the stamps. */
export async function askServices(
  setup: SetupFacts,
  signal: AbortSignal,
): Promise<readonly ServiceFacts[] | string> {
  if (!hubCalls(setup)) return 'only the hub of a home stamp calls them'
  const exchange = new Exchange({ ...LIMITS, proxies: {}, verifyTls: true })
  const services = Object.entries(setup.settings.keptnServices)
  try {
    return await Promise.all(
      services.map(async ([name, url]) => {
        const request = { method: 'GET', url: new URL('/health', url), headers: {} } as const
        // Whatever it answers: that it answers is what counts.
        const exchanged = await exchange.send(request, signal)
        const trouble = exchanged.kind === 'answered' ? {} : { trouble: exchanged.error.message }
        return { name, url, ...trouble }
      }),
    )
  } finally {
    await exchange.close()
  }
}

/** Everybody who registered with Keptn. */
export async function askRegistrations(
  setup: SetupFacts,
  signal: AbortSignal,
): Promise<readonly Registration[] | string> {
  const { endpoint } = setup.settings.api
  const internal = hubCalls(setup) ? setup.settings.keptnServices['shipyard-controller'] : undefined
  const base = internal ?? (endpoint === undefined ? undefined : `${endpoint}/controlPlane`)
  if (base === undefined) return 'no Keptn API is set here; run it in the home stamp'
  const result = await call(setup, base, REGISTRATIONS, signal)
  if (!result.ok) return result.error.message
  const list = parsedList(result.body)
  if (list === undefined) return 'the list of registrations cannot be read'
  return list.flatMap((json) => {
    const parsed = parseRegistration(json)
    return parsed.ok ? [parsed.value] : []
  })
}

const LIMITS = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MOST_BYTES } as const

/** Whether this is a home stamp whose hub calls Keptn's services directly. */
function hubCalls({ standing, settings }: SetupFacts): boolean {
  return standing.ok && standing.homeOf.length > 0 && settings.tunnelExit === 'internal'
}

async function metadata(setup: SetupFacts, base: string, signal: AbortSignal): Promise<ApiFacts> {
  const result = await call(setup, base, '/v1/metadata', signal)
  const url = shown(base)
  if (!result.ok) {
    const outcome =
      result.error.code === 'SIGNET_API_UNAUTHORIZED'
        ? 'unauthorized'
        : result.error.code === 'SIGNET_API_REFUSED'
          ? 'stranger'
          : 'unreachable'
    return { url, outcome, why: result.error.message }
  }
  const { keptnversion } = parseJsonObject(result.body.toString('utf8')) ?? {}
  if (typeof keptnversion !== 'string')
    return { url, outcome: 'stranger', why: 'it answers, and not as Keptn does' }
  return { url, outcome: 'ok', why: '', version: keptnversion }
}

/** Inside the cluster nobody needs a token but to ask for the version. */
function withoutLogin(facts: ApiFacts): ApiFacts {
  return facts.outcome === 'unauthorized' ? { ...facts, outcome: 'ok', why: '' } : facts
}

async function call(
  { settings }: SetupFacts,
  endpoint: string,
  path: string,
  signal: AbortSignal,
): Promise<ApiResult> {
  const { token, verifyTls, tlsCa } = settings.api
  const isPublic = endpoint.startsWith(settings.api.endpoint ?? '-')
  const api = new KeptnApi({
    ...LIMITS,
    endpoint,
    token,
    oauth: isPublic ? oauthClient(settings.api) : undefined,
    proxies: isPublic ? settings.api : {},
    verifyTls,
    tlsCa,
    now: () => performance.now(),
  })
  try {
    return await api.call({ method: 'GET', path }, signal)
  } finally {
    await api.close()
  }
}

function parsedList(body: Buffer): readonly unknown[] | undefined {
  try {
    const json = JSON.parse(body.toString('utf8')) as unknown
    return Array.isArray(json) ? json : undefined
  } catch {
    return undefined
  }
}

/** Without what may be a secret. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
