import type { SettingTable } from './setting.ts'
import { setting } from './setting.ts'
import {
  count,
  flag,
  httpUrl,
  kibibytes,
  list,
  port,
  positiveMs,
  secondsMs,
  text,
} from './setting-readers.ts'

/** Settings that keep the names and the meaning they have for Keptn's own distributor (wire 3.1). */

/** The public Keptn API: what an `https` link speaks to. */
export const apiTable = {
  endpoint: setting(
    'api.endpoint',
    ['KEPTN_API_ENDPOINT'],
    httpUrl,
    'The public Keptn API, such as `https://keptn.example/api`. Needed where the link is `https` or may become so.',
  ),
  token: setting('api.token', ['KEPTN_API_TOKEN'], text, 'Its token, sent as `x-token`.', {
    isSecret: true,
  }),
  verifyTls: setting(
    'api.verifyTls',
    ['HTTP_SSL_VERIFY'],
    flag,
    'Whether its certificate is checked.',
    { default: 'true' },
  ),
  timeoutMs: setting(
    'api.timeout',
    ['API_PROXY_HTTP_TIMEOUT'],
    secondsMs,
    'How long a call may take, in seconds.',
    { default: '30' },
  ),
  pollingIntervalMs: setting(
    'api.pollingInterval',
    ['HTTP_POLLING_INTERVAL'],
    secondsMs,
    'How often an `https` link polls, in seconds.',
    { default: '10' },
  ),
  oauthClientId: setting(
    'oauth.clientId',
    ['OAUTH_CLIENT_ID'],
    text,
    'The client id, where the API wants OAuth client credentials.',
  ),
  oauthClientSecret: setting('oauth.clientSecret', ['OAUTH_CLIENT_SECRET'], text, 'Its secret.', {
    isSecret: true,
  }),
  oauthScopes: setting('oauth.scopes', ['OAUTH_SCOPES'], list, 'The scopes to ask for.', {
    default: '',
  }),
  oauthDiscovery: setting(
    'oauth.discovery',
    ['OAUTH_DISCOVERY'],
    httpUrl,
    'Where the token URL is found out (field `token_endpoint`).',
  ),
  oauthTokenUrl: setting(
    'oauth.tokenUrl',
    ['OAUTH_TOKEN_URL'],
    httpUrl,
    'The token URL itself; it comes before discovery.',
  ),
} as const satisfies SettingTable

/** What a distributor reads, for integrations that came with one (wire 3.1). */
export const distributorTable = {
  proxyPath: setting(
    'distributor.proxyPath',
    ['API_PROXY_PATH'],
    text,
    'The path below which the API proxy answers.',
    { default: '/' },
  ),
  maxPayloadBytes: setting(
    'distributor.maxPayload',
    ['API_PROXY_MAX_PAYLOAD_BYTES_KB'],
    kibibytes,
    'The largest body of a request to the proxy or to `/event`, in KiB; 0 or less: no limit. A distributor’s own default is 64.',
    { default: '65536' },
  ),
  eventPath: setting(
    'distributor.eventPath',
    ['EVENT_FORWARDING_PATH'],
    text,
    'Where an integration posts its events.',
    { default: '/event' },
  ),
  topics: setting(
    'distributor.topics',
    ['PUBSUB_TOPIC'],
    list,
    'The event types that the integration subscribes to at first.',
    { default: '' },
  ),
  recipient: setting(
    'distributor.recipient',
    ['PUBSUB_RECIPIENT'],
    text,
    'The host that events are posted to.',
    { default: 'http://127.0.0.1' },
  ),
  recipientPort: setting(
    'distributor.recipientPort',
    ['PUBSUB_RECIPIENT_PORT'],
    port,
    'Its port.',
    { default: '8080' },
  ),
  recipientPath: setting(
    'distributor.recipientPath',
    ['PUBSUB_RECIPIENT_PATH'],
    text,
    'Its path.',
    { default: '' },
  ),
  queueGroup: setting(
    'distributor.queueGroup',
    ['PUBSUB_GROUP'],
    text,
    'The queue group of its subscriptions.',
    { default: '' },
  ),
  projectFilter: setting(
    'distributor.projectFilter',
    ['PROJECT_FILTER'],
    list,
    'Only events of these projects.',
    { default: '' },
  ),
  stageFilter: setting(
    'distributor.stageFilter',
    ['STAGE_FILTER'],
    list,
    'Only events of these stages.',
    { default: '' },
  ),
  serviceFilter: setting(
    'distributor.serviceFilter',
    ['SERVICE_FILTER'],
    list,
    'Only events of these services.',
    { default: '' },
  ),
  disableRegistration: setting(
    'distributor.disableRegistration',
    ['DISABLE_REGISTRATION'],
    flag,
    'Whether the integration is kept out of Keptn’s Uniform.',
    { default: 'false' },
  ),
  registrationIntervalMs: setting(
    'distributor.registrationInterval',
    ['REGISTRATION_INTERVAL'],
    positiveMs,
    'Read for compatibility; a distributor does not use it either.',
    { default: '10s' },
  ),
  location: setting(
    'distributor.location',
    ['LOCATION'],
    text,
    'The location in the registration. Without it: `<geo>/<ring>/<stamp>`.',
  ),
  distributorVersion: setting(
    'distributor.distributorVersion',
    ['DISTRIBUTOR_VERSION'],
    text,
    'The version of the distributor in the registration.',
    { default: '0.9.0' },
  ),
  integrationVersion: setting(
    'distributor.version',
    ['VERSION'],
    text,
    'The version of the integration in the registration.',
    { default: '' },
  ),
  deploymentName: setting(
    'distributor.deploymentName',
    ['K8S_DEPLOYMENT_NAME'],
    text,
    'The name of the registration. Without it nothing is registered.',
    { default: '' },
  ),
  namespace: setting(
    'distributor.namespace',
    ['K8S_NAMESPACE'],
    text,
    'Its namespace. Without it nothing is registered.',
    { default: '' },
  ),
  podName: setting('distributor.podName', ['K8S_POD_NAME'], text, 'Its pod.', { default: '' }),
  nodeName: setting(
    'distributor.nodeName',
    ['K8S_NODE_NAME'],
    text,
    'Its node, the hostname of the registration.',
    { default: 'keptn-node' },
  ),
  heartbeatIntervalMs: setting(
    'distributor.heartbeatInterval',
    ['HEARTBEAT_INTERVAL'],
    positiveMs,
    'How often the registration is renewed.',
    { default: '10s' },
  ),
  maxHeartbeatRetries: setting(
    'distributor.maxHeartbeatRetries',
    ['MAX_HEARTBEAT_RETRIES'],
    count(0),
    'After how many failed renewals the agent registers again.',
    { default: '10' },
  ),
  maxRegistrationRetries: setting(
    'distributor.maxRegistrationRetries',
    ['MAX_REGISTRATION_RETRIES'],
    count(0),
    'How often a failed registration is tried again before it is reported.',
    { default: '10' },
  ),
} as const satisfies SettingTable
