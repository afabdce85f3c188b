import type { Uplink } from './agent-api.ts'
import type { StampTunnel } from './agent-tunnel.ts'
import { durableName, storeNames } from './domain/store-names.ts'
import type { ControlPlane, Topology } from './domain/topology.ts'
import { isSignetError, SignetError } from './errors.ts'
import type { NatsSide } from './links/nats-side.ts'
import { refuseOneAccount } from './links/one-account.ts'
import { Store } from './links/store.ts'
import type { Log } from './observe/log.ts'
import { following } from './runtime/abort.ts'
import { sleep } from './runtime/clock.ts'
import { DeferredParts } from './runtime/deferred-parts.ts'
import type { Part } from './runtime/lifecycle.ts'
import { LinkSwitch } from './stamp/link-switch.ts'
import { NatsProof } from './stamp/nats-proof.ts'

export interface BothLinksOptions {
  readonly up: Extract<Uplink, { kind: 'both' }>
  readonly keptn: NatsSide
  readonly topology: Topology
  readonly stamp: string
  readonly overNats: StampTunnel
  readonly overHttps: StampTunnel
  readonly log: Log
}

/** What every agent of a stamp has whose link is NATS, and HTTPS while that is gone. */
export interface BothLinks {
  readonly choice: LinkSwitch
  /** By the link that the stamp is on. */
  readonly tunnel: StampTunnel
  /** Parts that need the gateway: they are started when it has been there once, and nothing waits for them. */
  readonly deferred: (name: string, parts: readonly Part[]) => Part
}

/** A round trip to the hub store may take so long, in milliseconds. */
const ROUND_TRIP_MS = 3_000
/** From one proof of NATS to the next, in milliseconds, unless it may be gone for less than five of them. */
const PROOF_MS = 1_000

export function createBothLinks(options: BothLinksOptions): BothLinks {
  const { up, keptn, topology, stamp, overNats, overHttps, log } = options
  const { gateway, failoverAfterMs } = up
  const patient = new PatientGateway(gateway, keptn, failoverAfterMs)
  // The hub store of the control plane whose API it is.
  const { name: controlPlane, storeDomain } = topology.controlPlanes[0] as ControlPlane
  const { down } = storeNames({ federation: topology.federation, controlPlane })
  const store = new Store(gateway, storeDomain, { timeoutMs: ROUND_TRIP_MS })
  const proof = new NatsProof({
    isConnected: () => gateway.isConnected,
    roundTrip: async () => {
      const consumer = await store.consumer(down, durableName(stamp))
      if (consumer === undefined) throw noConsumer()
      return consumer.pending === 0 && consumer.unacknowledged === 0
    },
    onLook: (look) => {
      choice.look(look)
    },
    everyMs: Math.min(PROOF_MS, failoverAfterMs / 5),
  })
  const choice = new LinkSwitch({
    failoverAfterMs,
    isNatsProven: () => proof.isNatsProven(),
    now: () => performance.now(),
    log,
  })
  const deferred = (name: string, parts: readonly Part[]): Part =>
    new DeferredParts(name, parts, patient.connected, (error) => {
      log.error({ error }, 'What needs the gateway could not be started.')
    })
  const way = (): StampTunnel => (choice.standing === 'https' ? overHttps : overNats)
  return {
    choice,
    deferred,
    tunnel: {
      clients: [patient, choice, deferred('what needs the gateway', [...overNats.clients, proof])],
      toFirst: { call: (call, signal) => way().toFirst.call(call, signal) },
      open: (request, signal) => way().open(request, signal),
    },
  }
}

function noConsumer(): SignetError {
  return new SignetError('SIGNET_JETSTREAM_MISSING', 'The hub store has no consumer of this stamp.')
}

/**
 * The gateway side of a stamp that can do without: a start waits for it no longer than until the other link is
 * due. It goes on trying then, and is compared with the Keptn side when it comes.
 */
class PatientGateway implements Part {
  readonly name = 'gateway NATS'
  /** Resolves when it has been connected, and is an account of its own. */
  readonly connected: Promise<void>
  readonly #gateway: NatsSide
  readonly #keptn: NatsSide
  readonly #patienceMs: number
  readonly #stopping = new AbortController()
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(gateway: NatsSide, keptn: NatsSide, patienceMs: number) {
    this.#gateway = gateway
    this.#keptn = keptn
    this.#patienceMs = patienceMs
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Those who wait for it tell.
    this.connected.catch(() => undefined)
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#connect(this.#stopping.signal).then(this.#resolve, this.#reject)
    const enough = new AbortController()
    using end = following({ signals: [signal, enough.signal] })
    const patience = sleep(this.#patienceMs, end.signal).catch(() => undefined)
    await Promise.race([this.connected, patience]).finally(() => {
      enough.abort()
    })
    signal.throwIfAborted()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The agent stops.'))
    await this.#gateway.close()
  }

  async #connect(signal: AbortSignal): Promise<void> {
    await this.#gateway.connect(signal)
    for (;;) {
      try {
        await refuseOneAccount(this.#gateway, this.#keptn, signal)
        return
      } catch (error) {
        if (!isSignetError(error) || !error.retryable) {
          await this.#gateway.close()
          throw error
        }
        await sleep(PROOF_MS, signal)
      }
    }
  }
}
