import { DEFAULT_API_RULES } from '../domain/api-rules.ts'
import { KEPTN_SERVICES } from '../domain/keptn-service.ts'
import type { SettingTable } from './setting.ts'
import { setting } from './setting.ts'
import {
  apiRules,
  count,
  durationMs,
  kibibytes,
  name,
  oneOf,
  path,
  plainHttpUrl,
  port,
  positiveMs,
  text,
  urlsByName,
} from './setting-readers.ts'
import { apiTable, distributorTable } from './settings-keptn.ts'

/**
 * The one table of settings (DESIGN 6): each with its environment variables, its name in the
 * settings file (and as a flag), its default and its sentence. From it come the type, the parsing and
 * docs/configuration.md.
 */

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** How the tunnel ends at home. */
const TUNNEL_EXITS = ['internal', 'gateway'] as const

export const agentTable = {
  stamp: setting(
    'stamp',
    ['SIGNET_STAMP'],
    name,
    'The name of this stamp in the topology. Required.',
  ),
  geo: setting(
    'geo',
    ['SIGNET_GEO'],
    name,
    'Where this stamp stands, if no ring file lists it and it joins by itself (`join` of its ring).',
  ),
  ring: setting('ring', ['SIGNET_RING'], name, 'Its ring, with `SIGNET_GEO`.'),
  topologyDir: setting('topology', ['SIGNET_TOPOLOGY'], path, 'The folder of the topology files.', {
    default: './topology',
    isLive: true,
  }),
  logLevel: setting(
    'logLevel',
    ['SIGNET_LOG_LEVEL'],
    oneOf(LOG_LEVELS),
    'What is logged: JSON lines on stderr.',
    {
      default: 'info',
      isLive: true,
    },
  ),
  listenHost: setting(
    'listen',
    ['SIGNET_LISTEN'],
    text,
    'The address that the ports below are opened on.',
    {
      default: '0.0.0.0',
    },
  ),
  httpPort: setting(
    'httpPort',
    ['SIGNET_HTTP_PORT', 'API_PROXY_PORT'],
    port,
    'The API proxy and `/event` for the integrations of this stamp. 0: any free port.',
    {
      default: '8081',
    },
  ),
  servicesPort: setting(
    'servicesPort',
    ['SIGNET_SERVICES_PORT'],
    port,
    'The same, by Host name, for the five fixed names of Keptn’s services. 0: any free port.',
    {
      default: '8080',
    },
  ),
  adminPort: setting(
    'adminPort',
    ['SIGNET_ADMIN_PORT'],
    port,
    '`/livez`, `/readyz`, `/metrics`, `/status` and the console. 0: any free port.',
    {
      default: '9090',
    },
  ),
  drainMs: setting(
    'drain',
    ['SIGNET_DRAIN'],
    durationMs,
    'How long a stop may take; keep it below the grace period of the pod.',
    {
      default: '25s',
    },
  ),
  dedupeWindowMs: setting(
    'dedupeWindow',
    ['SIGNET_DEDUPE_WINDOW'],
    positiveMs,
    'For how long the id of an event is remembered: about 300 bytes an id in the memory of the NATS server.',
    {
      default: '24h',
    },
  ),
  retentionMs: setting(
    'retention',
    ['SIGNET_RETENTION'],
    positiveMs,
    'For how long the hub store keeps events that nobody has fetched.',
    {
      default: '7d',
    },
  ),
  inFlight: setting(
    'inFlight',
    ['SIGNET_IN_FLIGHT'],
    count(1),
    'How many events may be under way at once in each direction.',
    {
      default: '256',
    },
  ),
  storeReplicas: setting(
    'storeReplicas',
    ['SIGNET_STORE_REPLICAS'],
    count(1),
    'Replicas of the streams in the hub store. Without it: three where the store is a cluster, else one.',
  ),
  failoverAfterMs: setting(
    'failoverAfter',
    ['SIGNET_FAILOVER_AFTER'],
    positiveMs,
    'How long NATS may be gone before a stamp whose link is `auto` goes over to Keptn’s API, where `KEPTN_API_ENDPOINT` is set.',
    { default: '30s' },
  ),
  presenceIntervalMs: setting(
    'presenceInterval',
    ['SIGNET_PRESENCE_INTERVAL'],
    positiveMs,
    'How often a stamp says that it is there.',
    {
      default: '5s',
      isLive: true,
    },
  ),
  otlpEndpoint: setting(
    'otlpEndpoint',
    ['SIGNET_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    plainHttpUrl,
    'Where traces go: a collector for OpenTelemetry’s OTLP over HTTP, such as `http://collector:4318`; `/v1/traces` is added. Without it there are none. What a collector wants in headers is set with `OTEL_EXPORTER_OTLP_HEADERS`.',
  ),
  keptnServices: setting(
    'keptnServices',
    ['SIGNET_KEPTN_SERVICES'],
    urlsByName(KEPTN_SERVICES, (service) => `http://${service}:8080`),
    'Where the hub finds Keptn’s services, for those that are not at `http://<name>:8080`.',
    {
      default: KEPTN_SERVICES.map((service) => `${service}=http://${service}:8080`).join(','),
    },
  ),
  cacheMib: setting(
    'tunnel.cache',
    ['SIGNET_CACHE_MIB'],
    count(0),
    'How much of the resources that were read at a commit the stamp keeps on its Keptn NATS, in MiB, to serve them also while no hub can be reached. 0: nothing.',
    { default: '64' },
  ),
  tunnelExit: setting(
    'tunnel.exit',
    ['SIGNET_TUNNEL_EXIT'],
    oneOf(TUNNEL_EXITS),
    'How the hub calls Keptn’s services for the stamps: `internal` at `SIGNET_KEPTN_SERVICES`, `gateway` at the public API (`KEPTN_API_ENDPOINT`) with its token.',
    { default: 'internal' },
  ),
  tunnelAllow: setting(
    'tunnel.allow',
    ['SIGNET_TUNNEL_ALLOW'],
    apiRules,
    'At the hub, and in a stamp whose link is `https` for itself: which calls to Keptn’s API stamps may make; what is set takes the place of the default. Each is `[<stamp glob>: ]<methods> <service>/<path>`, with `|` between methods or `*` for all; in a path `*` is one segment and a closing `**` any rest. What Keptn’s own gateway denies stays denied.',
    { default: DEFAULT_API_RULES.join(', ') },
  ),
  tunnelCalls: setting(
    'tunnel.calls',
    ['SIGNET_TUNNEL_CALLS'],
    count(1),
    'At the hub: how many calls of one stamp may be under way at once, in each agent.',
    { default: '256' },
  ),
  tunnelBytes: setting(
    'tunnel.memory',
    ['SIGNET_TUNNEL_MEMORY_KB'],
    kibibytes,
    'At the hub: how much the bodies of one stamp’s calls may hold in memory at once, in KiB.',
    { default: '65536' },
  ),
} as const satisfies SettingTable

/** Both sides are NATS servers: `urls` is parsed apart from the table, for it may hide credentials. */
const DEFAULT_GATEWAY_URL = 'nats://natsserver.default.svc.cluster.local:4222'
const DEFAULT_KEPTN_URL = 'nats://keptn-nats'

export const gatewayTable = natsTable(
  'gateway',
  'SIGNET_NATS_',
  ['SIGNET_NATS_URL'],
  DEFAULT_GATEWAY_URL,
  'this stamp’s server of the supercluster; not used where the link of the stamp is `https`',
)
export const keptnTable = natsTable(
  'keptn',
  'KEPTN_NATS_',
  ['NATS_URL', 'PUBSUB_URL', 'EVENTBROKER'],
  DEFAULT_KEPTN_URL,
  'the server of Keptn and of this stamp’s integrations',
)

function natsTable(
  group: string,
  prefix: string,
  variables: readonly [string, ...string[]],
  defaultUrl: string,
  side: string,
) {
  const file = ' The file is read again when it changes.'
  return {
    url: setting(
      `${group}.url`,
      variables,
      text,
      `The NATS URL of ${side}; several with commas between them. Credentials in it are split off.`,
      { default: defaultUrl },
    ),
    credsFile: setting(`${group}.creds`, [`${prefix}CREDS`], path, `A credentials file.${file}`),
    nkey: setting(
      `${group}.nkey`,
      [`${prefix}NKEY`],
      text,
      `A file with an nkey seed, or the seed itself.${file}`,
      { isSecret: true },
    ),
    user: setting(`${group}.user`, [`${prefix}USER`], text, 'A user.'),
    password: setting(`${group}.password`, [`${prefix}PASSWORD`], text, 'Its password.', {
      isSecret: true,
    }),
    passwordFile: setting(
      `${group}.passwordFile`,
      [`${prefix}PASSWORD_FILE`],
      path,
      `A file with the password instead.${file}`,
    ),
    token: setting(`${group}.token`, [`${prefix}TOKEN`], text, 'A token.', { isSecret: true }),
    tokenFile: setting(
      `${group}.tokenFile`,
      [`${prefix}TOKEN_FILE`],
      path,
      `A file with a token.${file}`,
    ),
    tlsCa: setting(
      `${group}.tlsCa`,
      [`${prefix}TLS_CA`],
      path,
      `The certificates to trust, a PEM file.${file}`,
    ),
    tlsCert: setting(
      `${group}.tlsCert`,
      [`${prefix}TLS_CERT`],
      path,
      `A client certificate, a PEM file.${file}`,
    ),
    tlsKey: setting(`${group}.tlsKey`, [`${prefix}TLS_KEY`], path, `Its key, a PEM file.${file}`),
  } as const satisfies SettingTable
}

/** Every setting, in the order of the documentation. */
export const settingGroups = [
  { title: 'The agent', table: agentTable },
  { title: 'Gateway NATS', table: gatewayTable },
  { title: 'Keptn NATS', table: keptnTable },
  { title: 'The public Keptn API', table: apiTable },
  { title: 'In place of a distributor', table: distributorTable },
] as const satisfies readonly { title: string; table: SettingTable }[]
