import type { StampInTopology } from '../config/settings-stamp.ts'
import type { Settings } from '../config/settings.ts'
import type { FederationStatus } from '../domain/federation-status.ts'
import type { Registration } from '../domain/registration.ts'
import type { Topology } from '../domain/topology.ts'
import type { ConsumerFacts, StoreFacts } from './store-facts.ts'

/** What the checks judge. Plain data without secrets; times are in milliseconds since the epoch. */
export interface FactValues {
  readonly setup: SetupFacts
  readonly files: readonly FileFacts[]
  readonly machine: MachineFacts
  readonly sides: readonly SideFacts[]
  /** Whether what is said on the Keptn NATS is heard on the gateway NATS. */
  readonly oneAccount: boolean
  readonly stores: readonly StoreFacts[]
  readonly consumers: readonly ConsumerFacts[]
  readonly lease: LeaseFacts
  readonly clocks: readonly ClockFacts[]
  readonly rights: readonly RightsFacts[]
  readonly deadLetters: readonly DeadLetterFacts[]
  readonly hubs: readonly HubFacts[]
  readonly agent: AgentFacts
  readonly api: readonly ApiFacts[]
  readonly services: readonly ServiceFacts[]
  readonly registrations: readonly Registration[]
}

export type FactName = keyof FactValues

/** A fact, or why it is not to be had. */
export type Seen<T> =
  { readonly seen: true; readonly value: T } | { readonly seen: false; readonly why: string }

export type Facts = { readonly [Name in FactName]: Seen<FactValues[Name]> }

/** Those that need no server. */
export const OFFLINE_FACTS: ReadonlySet<FactName> = new Set(['setup', 'files', 'machine'])

export type SideName = 'gateway' | 'keptn'

/** What flags, environment and files say. */
export interface SetupFacts {
  readonly now: number
  /** Of this Signet. */
  readonly version: string
  readonly settings: Settings
  readonly settingWarnings: readonly string[]
  readonly topology: Topology
  readonly topologyWarnings: readonly string[]
  /** The same for the same topology, as an agent tells it in `/status`. */
  readonly revision: string
  readonly standing: StampInTopology
}

/** A file that a setting names. */
export interface FileFacts {
  /** Its environment variable. */
  readonly setting: string
  readonly path: string
  readonly isSecret: boolean
  /** Why it cannot be read. */
  readonly unreadable?: string
  /** The lower nine bits of its mode; absent where the system has none. */
  readonly mode?: number
  /** Why it is not what the setting wants. */
  readonly problem?: string
  readonly certificates: readonly CertificateFacts[]
  /** Of a key: that it does not belong to the certificate beside it. */
  readonly isForeign?: boolean
  /** Of a client certificate: whether one of the certificates to trust has signed it. */
  readonly isSignedByCa?: boolean
  /** When credentials end. */
  readonly expiresAt?: number
}

export interface CertificateFacts {
  readonly name: string
  readonly notBefore: number
  readonly notAfter: number
}

export interface MachineFacts {
  /** Such as `20.19.0`. */
  readonly node: string
  /** How many files and sockets the process may open; absent where that is not limited, or not known. */
  readonly openFiles?: number
  /** What a container may use, in bytes; absent where that is not limited, or not known. */
  readonly memoryBytes?: number
}

/** One of the two NATS sides. */
export interface SideFacts {
  readonly side: SideName
  /** A password or a token is sent to it, which anybody on the way could read without TLS. */
  readonly sendsSecret: boolean
  readonly servers: readonly GreetedServer[]
  readonly connection: ConnectionFacts
}

/** What a server says of itself before anybody logs in; one for each URL. */
export interface GreetedServer {
  readonly url: string
  readonly isOnThisMachine: boolean
  readonly trouble?: { readonly kind: 'unreachable' | 'tls'; readonly why: string }
  readonly version?: string
  readonly needsLogin?: boolean
  readonly isEncrypted?: boolean
  readonly certificate?: CertificateFacts
}

export type ConnectionFacts =
  | {
      readonly kind: 'connected'
      readonly server: string
      readonly version: string
      readonly maxPayloadBytes: number
      readonly roundTripMs: number
    }
  | { readonly kind: 'refused' | 'failed'; readonly why: string }

/** Who leads this stamp, and which agents it has. */
export interface LeaseFacts {
  readonly leader: string | undefined
  readonly agents: readonly { readonly id: string; readonly version: string }[]
}

/** How another clock stands to ours: it is ahead by something between the two, in milliseconds. */
export interface ClockFacts {
  readonly whose: string
  readonly leastMs: number
  readonly mostMs: number
}

/** What the user of the gateway side may do; undefined where that could not be tried. */
export interface RightsFacts {
  readonly controlPlane: string
  readonly speaksForOthers: boolean | undefined
  readonly hearsOthers: boolean | undefined
  readonly makesStreams: boolean | undefined
  /** What it needs and was refused. */
  readonly lacks: readonly string[]
}

/** What lies in the dead letters of a control plane. */
export interface DeadLetterFacts {
  readonly controlPlane: string
  readonly total: number
  readonly lastAt: number | undefined
  readonly groups: readonly {
    readonly stamp: string
    readonly reason: string
    readonly count: number
  }[]
}

/** What the hub of a control plane answered to `status`. */
export interface HubFacts {
  readonly controlPlane: string
  readonly answer:
    | { readonly kind: 'answered'; readonly status: FederationStatus }
    /** The user may not ask it. */
    | { readonly kind: 'refused' }
    | { readonly kind: 'silent'; readonly why: string }
}

/** What answers at the admin port of this stamp's agent. */
export type AgentFacts =
  | { readonly kind: 'silent'; readonly url: string; readonly why: string }
  | { readonly kind: 'stranger'; readonly url: string }
  | {
      readonly kind: 'agent'
      readonly url: string
      readonly federation: string
      readonly stamp: string
      readonly version: string
      /** The revision of the topology that it runs with. */
      readonly topology: string
      readonly reasons: readonly string[]
      readonly warnings: readonly string[]
      /** Integrations that stopped pinging. */
      readonly silent: readonly string[]
      /** How old the youngest canary is, in seconds, by what the metric is labelled with. */
      readonly canaries: readonly { readonly way: string; readonly ageS: number }[]
    }

/** What came of a call to the Keptn API, at its public address or at home behind it. */
export interface ApiFacts {
  readonly url: string
  readonly outcome: 'ok' | 'unreachable' | 'unauthorized' | 'stranger'
  readonly why: string
  /** Absent where it does not say. */
  readonly version?: string
}

/** A service of Keptn that the hub calls. */
export interface ServiceFacts {
  readonly name: string
  readonly url: string
  /** Why it cannot be reached. */
  readonly trouble?: string
}
