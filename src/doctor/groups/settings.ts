import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { SetupFacts } from '../facts.ts'
import { proxyFor } from '../../domain/proxy-choice.ts'
import { oauthClient } from '../../domain/oauth-client.ts'

const DAY_MS = 86_400_000
/** What Kubernetes leaves a pod to stop in, where nobody says otherwise. */
const GRACE_MS = 30_000
const SLOW_PRESENCE_MS = 60_000

/** What settings say by themselves, before anything is asked. */
export const settingsGroup: Group = {
  name: 'settings',
  title: 'Settings',
  checks: [
    check({
      code: 'DOC-101',
      severity: 'warning',
      title: 'A variable looks like a setting and is none.',
      why: 'Whoever set it believes that it counts; the agent runs with the default.',
      mend: 'Correct its name, or remove it; docs/configuration.md lists all settings.',
      reads: ['setup'],
      judge: ({ setup }) => setup.settingWarnings,
    }),
    check({
      code: 'DOC-102',
      severity: 'warning',
      title: 'The certificate of the Keptn API is not checked.',
      why: 'Whoever stands in between can read the token and answer for Keptn.',
      mend: 'Take HTTP_SSL_VERIFY=false away, and name the certificates to trust in SIGNET_API_TLS_CA.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) =>
        settings.api.verifyTls ? [] : ['HTTP_SSL_VERIFY is false'],
    }),
    check({
      code: 'DOC-103',
      severity: 'error',
      title: 'The link of this stamp is https, and no Keptn API is set.',
      why: 'There is nothing to poll and nowhere to send: the stamp does no work.',
      mend: 'Set KEPTN_API_ENDPOINT to the public API of its control plane, such as `https://keptn.example/api`.',
      reads: ['setup'],
      judge: ({ setup }) => (linkOf(setup) === 'https' && !hasApi(setup) ? [placeOf(setup)] : []),
    }),
    check({
      code: 'DOC-104',
      severity: 'notice',
      title: 'The link of this stamp is auto, and no Keptn API is set.',
      why: 'While NATS is gone the stamp can only wait: it has no second way to its control plane.',
      mend: 'Set KEPTN_API_ENDPOINT, or say `link: nats` in the ring file if there is to be no other way.',
      reads: ['setup'],
      judge: ({ setup }) => (linkOf(setup) === 'auto' && !hasApi(setup) ? [placeOf(setup)] : []),
    }),
    check({
      code: 'DOC-105',
      severity: 'warning',
      title: 'A Keptn API is set, and nothing that lets us in.',
      why: 'Keptn answers every call with 401.',
      mend: 'Set KEPTN_API_TOKEN, or the OAUTH_ variables.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) => {
        const { endpoint, token } = settings.api
        const isOpen = endpoint !== undefined && token === undefined
        return isOpen && oauthClient(settings.api) === undefined ? [endpoint] : []
      },
    }),
    check({
      code: 'DOC-106',
      severity: 'warning',
      title: 'The address of the Keptn API does not end with /api.',
      why: 'Keptn’s gateway serves its API below /api; elsewhere the Bridge answers, with pages.',
      mend: 'Add /api to KEPTN_API_ENDPOINT, unless a gateway of your own maps it otherwise.',
      reads: ['setup'],
      judge: ({ setup }) =>
        hasApi(setup) && !/\/api\/?$/.test(endpointOf(setup)) ? [endpointOf(setup)] : [],
    }),
    check({
      code: 'DOC-107',
      severity: 'warning',
      title: 'The token of the Keptn API goes over plain HTTP.',
      why: 'Anybody on the way can read it, and do in Keptn what it allows.',
      mend: 'Use an https:// address in KEPTN_API_ENDPOINT.',
      reads: ['setup'],
      judge: ({ setup }) => {
        const url = urlOf(setup)
        const isPlain = url?.protocol === 'http:' && !isInternal(url.hostname)
        return isPlain && setup.settings.api.token !== undefined ? [endpointOf(setup)] : []
      },
    }),
    check({
      code: 'DOC-108',
      severity: 'warning',
      title: 'A Keptn API inside the cluster is to be reached through a proxy.',
      why: 'A proxy does not know the names of the cluster: calls fail with 502 or 503.',
      mend: 'Add the host to NO_PROXY; .svc and .cluster.local are usual entries.',
      reads: ['setup'],
      judge: ({ setup }) => {
        const url = urlOf(setup)
        if (url === undefined || !isInternal(url.hostname)) return []
        return proxyFor(url, setup.settings.api) === undefined ? [] : [endpointOf(setup)]
      },
    }),
    check({
      code: 'DOC-109',
      severity: 'warning',
      title: 'OAuth is set by half.',
      why: 'As with a distributor, anything less than all counts as none: calls go out without a token.',
      mend: 'Set OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_SCOPES, and OAUTH_DISCOVERY or OAUTH_TOKEN_URL; or none of them.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) => {
        const { api } = settings
        const set = [
          ...(api.oauthClientId === undefined ? [] : ['OAUTH_CLIENT_ID']),
          ...(api.oauthClientSecret === undefined ? [] : ['OAUTH_CLIENT_SECRET']),
          ...(api.oauthScopes.length === 0 ? [] : ['OAUTH_SCOPES']),
          ...(api.oauthDiscovery === undefined ? [] : ['OAUTH_DISCOVERY']),
          ...(api.oauthTokenUrl === undefined ? [] : ['OAUTH_TOKEN_URL']),
        ]
        return set.length > 0 && oauthClient(api) === undefined
          ? [`only ${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set`]
          : []
      },
    }),
    check({
      code: 'DOC-110',
      severity: 'warning',
      title: 'Ids are to be remembered for longer than events are kept.',
      why: 'A stream forgets the ids of what has aged out: duplicates are told for the shorter of the two only.',
      mend: 'Make SIGNET_RETENTION at least as long as SIGNET_DEDUPE_WINDOW.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) =>
        settings.dedupeWindowMs > settings.retentionMs
          ? ['SIGNET_DEDUPE_WINDOW is longer than SIGNET_RETENTION']
          : [],
    }),
    check({
      code: 'DOC-111',
      severity: 'notice',
      title: 'A stop may take longer than Kubernetes waits by default.',
      why: 'The pod is killed after its grace period, and what was in flight comes again some seconds later.',
      mend: 'Give the pod a terminationGracePeriodSeconds above SIGNET_DRAIN, or lower SIGNET_DRAIN.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) =>
        settings.drainMs >= GRACE_MS ? ['SIGNET_DRAIN is 30 s or more'] : [],
    }),
    check({
      code: 'DOC-112',
      severity: 'warning',
      title: 'This stamp says seldom that it is there.',
      why: 'Its hub learns late that it went away, that it came back, and what its integrations want.',
      mend: 'Lower SIGNET_PRESENCE_INTERVAL; 5 s is the default.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) =>
        settings.presenceIntervalMs > SLOW_PRESENCE_MS
          ? ['SIGNET_PRESENCE_INTERVAL is above a minute']
          : [],
    }),
    check({
      code: 'DOC-113',
      severity: 'warning',
      title: 'Events that nobody could fetch are kept for less than a day.',
      why: 'What a stamp has not fetched by then is gone: a partition over night loses deliveries.',
      mend: 'Raise SIGNET_RETENTION; 7 d is the default.',
      reads: ['setup'],
      judge: ({ setup: { settings } }) =>
        settings.retentionMs < DAY_MS ? ['SIGNET_RETENTION is below 24 h'] : [],
    }),
    check({
      code: 'DOC-114',
      severity: 'error',
      title: 'Both NATS sides are the same server and the same user.',
      why: 'They are one account: every stamp would hear every other. The agent refuses to run.',
      mend: 'Set SIGNET_NATS_URL and NATS_URL to two servers, or give them users of two accounts.',
      reads: ['setup'],
      judge: ({ setup }) => {
        const { gateway, keptn } = setup.settings
        if (linkOf(setup) === 'https') return []
        if (JSON.stringify(gateway.auth) !== JSON.stringify(keptn.auth)) return []
        return gateway.urls.filter((url) => keptn.urls.includes(url))
      },
    }),
    check({
      code: 'DOC-115',
      severity: 'warning',
      title: 'Integrations are set in a home stamp.',
      why: 'Those of a home stamp are Keptn’s own and hear it directly; the agent leaves the setting out.',
      mend: 'Move `integrations` to the settings of a stamp, or let them register with Keptn.',
      reads: ['setup'],
      judge: ({ setup: { standing, settings } }) =>
        standing.ok && standing.homeOf.length > 0
          ? settings.integrations.map(({ name }) => name)
          : [],
    }),
  ],
}

function linkOf({ standing }: SetupFacts): string | undefined {
  // A home stamp reaches its control plane on its own Keptn NATS.
  return standing.ok && standing.homeOf.length === 0 ? standing.stamp?.link : undefined
}

function placeOf({ settings }: SetupFacts): string {
  return `stamp ${settings.stamp}`
}

function hasApi({ settings }: SetupFacts): boolean {
  return settings.api.endpoint !== undefined
}

function endpointOf({ settings }: SetupFacts): string {
  return settings.api.endpoint ?? ''
}

function urlOf(setup: SetupFacts): URL | undefined {
  const endpoint = endpointOf(setup)
  return URL.canParse(endpoint) ? new URL(endpoint) : undefined
}

/** A name that only a cluster or this machine knows. */
function isInternal(host: string): boolean {
  return (
    !host.includes('.') ||
    host.endsWith('.svc') ||
    host.endsWith('.cluster.local') ||
    host.startsWith('127.')
  )
}
