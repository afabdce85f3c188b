import { parseSettings } from '../../../src/config/settings.ts'
import type { Settings } from '../../../src/config/settings.ts'
import { stampInTopology } from '../../../src/config/settings-stamp.ts'
import { parseTopology } from '../../../src/config/topology-parse.ts'
import { formatMistake } from '../../../src/config/mistake.ts'
import type { FederationStatus, StampStatus } from '../../../src/domain/federation-status.ts'
import type { Registration } from '../../../src/domain/registration.ts'
import type { FactName, Facts, FactValues, SetupFacts } from '../../../src/doctor/facts.ts'
import type {
  ConsumerFacts,
  PlannedStream,
  StoreFacts,
  StreamSetup,
} from '../../../src/doctor/store-facts.ts'

export const NOW = Date.UTC(2026, 10, 24, 12)
export const DAY = 86_400_000

const TOPOLOGY = `
apiVersion: signet/v1
kind: Federation
name: acme
controlPlanes: [{ name: main, home: { geo: eu, stamp: core }, projects: ["*"], store: { domain: hub } }]
rings: [canary, broad]
stages: [{ stage: dev, rings: [canary] }, { stage: prod, rings: [canary, broad] }]
---
apiVersion: signet/v1
kind: Geo
geo: eu
---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: canary
stamps: [{ name: one, link: nats }, { name: two, link: nats }]
---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: broad
stamps: [{ name: three, link: nats }]
`

export interface SetupOver {
  readonly environment?: Readonly<Record<string, string>>
  /** The settings file. */
  readonly file?: string
  /** What to replace in the topology, and by what. */
  readonly topology?: readonly (readonly [string, string])[]
  readonly now?: number
}

/** What flags, environment and files say of stamp `one`; all is well unless `over` says otherwise. */
export function setup({ environment, file, topology = [], now = NOW }: SetupOver = {}): SetupFacts {
  const settings = settingsOf(
    {
      SIGNET_STAMP: 'one',
      SIGNET_NATS_URL: 'nats://gateway',
      NATS_URL: 'nats://keptn',
      ...environment,
    },
    file,
  )
  let text = TOPOLOGY
  for (const [old, next] of topology) {
    if (!text.includes(old)) throw new Error(`the topology has no ${old}`)
    text = text.replace(old, next)
  }
  const parsed = parseTopology([{ path: 'acme.yaml', text }])
  if (!parsed.ok) throw new Error(parsed.mistakes.map(formatMistake).join('\n'))
  const read = parseSettings({ SIGNET_STAMP: 'one', ...environment })
  return {
    now,
    version: '1.0.0',
    settings,
    settingWarnings: read.warnings,
    topology: parsed.topology,
    topologyWarnings: parsed.warnings.map(formatMistake),
    revision: 'abc',
    standing: stampInTopology(parsed.topology, settings),
  }
}

function settingsOf(environment: Readonly<Record<string, string>>, file?: string): Settings {
  const parsed = parseSettings(
    environment,
    {},
    file === undefined ? undefined : { path: 's', text: file },
  )
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.settings
}

/** The same in the home stamp. */
export const homeSetup = (over: SetupOver = {}): SetupFacts =>
  setup({ ...over, environment: { SIGNET_STAMP: 'core', ...over.environment } })

export const plan: PlannedStream = {
  name: 'SIGNET_IN',
  subjects: ['signet.in.>'],
  maxAgeMs: DAY,
  duplicateWindowMs: DAY,
  republish: { src: 'signet.in.>', dest: 'sh.keptn.>' },
}

export const stream: StreamSetup = {
  name: 'SIGNET_IN',
  subjects: ['signet.in.>'],
  retention: 'limits',
  storage: 'file',
  maxAgeMs: DAY,
  duplicateWindowMs: DAY,
  maxBytes: -1,
  maxMessages: -1,
  replicas: 3,
  republish: { src: 'signet.in.>', dest: 'sh.keptn.>' },
  messages: 10,
  bytes: 1_000,
}

/** The same as nothing but Keptn's defaults make it. */
const { republish: _republish, ...plainStream } = stream

export const keptnStream: StreamSetup = {
  ...plainStream,
  name: 'keptn',
  subjects: ['sh.keptn.>'],
  maxAgeMs: 0,
}

const use = {
  storage: { used: 10, most: 100 },
  memory: { used: 0 },
  streams: { used: 3 },
  consumers: { used: 3 },
}

export const keptnStore: StoreFacts = {
  name: 'the Keptn NATS',
  kind: 'keptn',
  state: 'answers',
  use,
  planned: [plan],
  streams: [stream],
  capturing: ['SIGNET_LOCAL'],
}

/** The same of a home stamp. */
export const homeStore: StoreFacts = {
  ...keptnStore,
  streams: [stream, keptnStream],
  capturing: ['keptn'],
}

export const hubStore: StoreFacts = {
  name: 'the hub store',
  kind: 'hub',
  state: 'answers',
  use,
  planned: [],
  streams: [{ ...stream, name: 'SIGNET_acme_main_DOWN' }],
}

export const consumer = {
  store: 'the Keptn NATS',
  stream: 'SIGNET_LOCAL',
  name: 'signet-one',
  reader: 'us',
  planned: { filter: 'sh.keptn.>', ackWaitMs: 4_000, maxAckPending: 5_000 },
  state: {
    name: 'signet-one',
    filter: 'sh.keptn.>',
    ackWaitMs: 4_000,
    maxAckPending: 5_000,
    pending: 3,
    unacknowledged: 2,
    redelivered: 0,
    deliveries: 100,
    ackFloor: 90,
  },
  hasMoved: true,
} as const satisfies ConsumerFacts

export const stampStatus: StampStatus = {
  stamp: 'one',
  geo: 'eu',
  ring: 'canary',
  state: 'listed',
  drained: false,
  online: true,
  keptn: true,
  agent: '1.0.0',
  integrations: { known: 2, alive: 2 },
  pending: 0,
  unacknowledged: 0,
}

export const status: FederationStatus = {
  at: new Date(NOW).toISOString(),
  federation: 'acme',
  controlPlane: 'main',
  hub: { geo: 'eu', stamp: 'core', version: '1.0.0', ready: true },
  stamps: [stampStatus],
  rollouts: [],
  deadLetters: 0,
}

export function hubs(over: Partial<FederationStatus>): FactValues['hubs'] {
  return [{ controlPlane: 'main', answer: { kind: 'answered', status: { ...status, ...over } } }]
}

export const agent = {
  kind: 'agent',
  url: 'http://127.0.0.1:9090',
  federation: 'acme',
  stamp: 'one',
  version: '1.0.0',
  topology: 'abc',
  reasons: [],
  warnings: [],
  silent: [],
  canaries: [{ way: 'direction="down"', ageS: 1 }],
} as const satisfies FactValues['agent']

export const server = {
  url: 'nats://gateway:4222',
  isOnThisMachine: false,
  version: '2.10.4',
  needsLogin: true,
  isEncrypted: true,
  certificate: { name: 'gateway', notBefore: NOW - DAY, notAfter: NOW + 90 * DAY },
} as const

const connection = {
  kind: 'connected',
  server: 'gateway:4222',
  version: '2.10.4',
  maxPayloadBytes: 1_048_576,
  roundTripMs: 2,
} as const

export const gatewaySide = {
  side: 'gateway',
  sendsSecret: true,
  servers: [server],
  connection,
} as const satisfies FactValues['sides'][number]

export const keptnSide = {
  ...gatewaySide,
  side: 'keptn',
  sendsSecret: false,
  servers: [{ ...server, url: 'nats://keptn:4222', needsLogin: false, isEncrypted: false }],
} as const satisfies FactValues['sides'][number]

export function registration(over: {
  readonly name?: string
  readonly namespace?: string
  readonly location?: string
  readonly lastseen?: string
  readonly distributorversion?: string
  readonly event?: string
}): Registration {
  const { name = 'helm-service', namespace = 'keptn.one', location = 'eu/canary/one' } = over
  const { lastseen = new Date(NOW).toISOString(), distributorversion = '0.15.0' } = over
  const { event = 'sh.keptn.event.deployment.triggered' } = over
  return {
    id: 'x',
    name,
    metadata: {
      hostname: 'node',
      integrationversion: '1',
      distributorversion,
      location,
      kubernetesmetadata: { namespace, podname: '', deploymentname: '' },
      lastseen,
    },
    subscriptions: [{ id: 's', event, filter: { projects: [], stages: [], services: [] } }],
  }
}

/** Everything is as it should be, in stamp `one`. */
const HEALTHY: FactValues = {
  setup: setup(),
  files: [],
  machine: { node: '20.19.0', openFiles: 4_096, memoryBytes: 512 * 1_048_576 },
  sides: [gatewaySide, keptnSide],
  oneAccount: false,
  stores: [keptnStore, hubStore],
  consumers: [consumer],
  lease: { leader: 'a', agents: [{ id: 'a', version: '1.0.0' }] },
  clocks: [{ whose: 'the Keptn NATS', leastMs: -200, mostMs: 300 }],
  rights: [
    {
      controlPlane: 'main',
      speaksForOthers: false,
      hearsOthers: false,
      makesStreams: false,
      lacks: [],
    },
  ],
  deadLetters: [{ controlPlane: 'main', total: 0, lastAt: undefined, groups: [] }],
  hubs: hubs({}),
  agent,
  api: [{ url: 'https://keptn/api', outcome: 'ok', why: '', version: '1.4.5' }],
  services: [{ name: 'shipyard-controller', url: 'http://shipyard-controller:8080' }],
  registrations: [registration({})],
}

/** Facts with some of them as given, and all others as they should be. */
export function facts(over: Partial<FactValues> = {}): Facts {
  return Object.fromEntries(
    Object.entries({ ...HEALTHY, ...over }).map(([name, value]) => [
      name,
      { seen: true, value } as const,
    ]),
  ) as unknown as Facts
}

/** The same without one of them. */
export function without(name: FactName, why: string): Facts {
  return { ...facts(), [name]: { seen: false, why } }
}
