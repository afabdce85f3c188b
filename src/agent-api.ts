import type { StampTunnel } from './agent-tunnel.ts'
import type { LinkKind } from './domain/topology.ts'
import { SignetError } from './errors.ts'
import type { KeptnApiOptions } from './https/keptn-api.ts'
import { KeptnApi } from './https/keptn-api.ts'
import type { NatsSide } from './links/nats-side.ts'
import type { Part } from './runtime/lifecycle.ts'
import type { ApiWayOptions } from './tunnel/api-way.ts'
import { ApiWay } from './tunnel/api-way.ts'

/** Keptn's public API, for a link over HTTPS; made from settings. */
export interface ApiConfig extends Omit<KeptnApiOptions, 'now' | 'maxAnswerBytes'> {
  /** How often it is polled, in milliseconds. */
  readonly pollingMs: number
  /** How long NATS may be gone before it is, in milliseconds. */
  readonly failoverAfterMs: number
}

const MAX_ANSWER_BYTES = 67_108_864

/** How a stamp reaches its control plane, as its agent was started. */
export type Uplink =
  | { readonly kind: 'nats'; readonly gateway: NatsSide; readonly api?: undefined }
  | ({ readonly kind: 'https'; readonly gateway?: undefined } & Polled)
  | ({
      readonly kind: 'both'
      readonly gateway: NatsSide
      readonly failoverAfterMs: number
    } & Polled)

/** Keptn's API, and how often (ms) it is polled. */
interface Polled {
  readonly api: KeptnApi
  readonly pollingMs: number
}

/**
 * The way up that an agent is to have. Where the link may change to HTTPS and nobody has said where Keptn's
 * API is, it is NATS. Throws `SIGNET_CONFIG_INVALID` where it must be HTTPS.
 */
export function createUplink(
  link: LinkKind,
  api: ApiConfig | undefined,
  gateway: () => NatsSide,
): Uplink {
  if (link === 'nats' || (link === 'auto' && api === undefined))
    return { kind: 'nats', gateway: gateway() }
  if (api === undefined)
    throw new SignetError(
      'SIGNET_CONFIG_INVALID',
      'The link of this stamp is https, and KEPTN_API_ENDPOINT is not set. Set it to the public Keptn API, ' +
        'such as https://keptn.example/api, or give the stamp another link in its ring file.',
    )
  const polled = { api: createApi(api), pollingMs: api.pollingMs }
  if (link === 'https') return { kind: 'https', ...polled }
  return { kind: 'both', gateway: gateway(), failoverAfterMs: api.failoverAfterMs, ...polled }
}

function createApi(config: ApiConfig): KeptnApi {
  return new KeptnApi({
    ...config,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    now: () => performance.now(),
  })
}

/** Of a stamp whose link is `auto`, while it is on the second one. */
export const OVER_HTTPS = 'NATS is gone, and the stamp is reached over HTTPS'

/** What a reload changes of the link takes effect with the next start. */
export function linkWarning(atStart: LinkKind | undefined, now: LinkKind | undefined): string[] {
  if (atStart === undefined || now === undefined || atStart === now) return []
  return [
    `the topology says link: ${now}, and the agent runs with ${atStart} until it is started again`,
  ]
}

/** Before all that uses it, and so closed after it. */
export function apiPart(api: KeptnApi): Part {
  return {
    name: 'calls to Keptn’s API',
    start: () => Promise.resolve(),
    stop: () => api.close(),
  }
}

/** Over HTTPS: Keptn's API itself. */
export function apiTunnel(options: ApiWayOptions): StampTunnel {
  const way = new ApiWay(options)
  return { clients: [], toFirst: way, open: (request, signal) => way.open(request, signal) }
}
