import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import type { Target } from '../domain/fanout.ts'
import { openFanOut } from '../domain/fanout.ts'
import { isWrappedAnswer } from '../domain/https-answer.ts'
import type { Route, RoutedStamp } from '../domain/route.ts'
import { pickOne, route } from '../domain/route.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { tailOf } from '../domain/subject.ts'
import type { ControlPlane, TaskPolicy } from '../domain/topology.ts'
import { planWaves } from '../domain/wave-plan.ts'
import { isSignetError } from '../errors.ts'
import { ACK_WAIT_MS } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import { orSetAside } from '../flow/settle.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import { GEOS, parsePath, PATH, REDACTED, TRACEPARENT } from '../links/header-names.ts'
import { fingerprint } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import { Pump } from '../runtime/pump.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { Copies, Outgoing } from './copies.ts'
import type { FanOuts } from './fanouts.ts'
import { Signals } from './signals.ts'
import type { StampRegistry } from './stamp-registry.ts'
import { unwrap } from './unwrap.ts'

export interface RoutePumpOptions {
  readonly scope: Scope
  readonly topology: TopologySource
  readonly controlPlane: ControlPlane
  readonly open: (signal: AbortSignal) => Promise<DeliverySource>
  readonly term: Term
  readonly hubStore: Store
  readonly copies: Copies
  /** To the gateway. */
  readonly publisher: Publisher
  readonly fanOuts: FanOuts
  readonly registry: StampRegistry
  readonly deadLetters: DeadLetters
  readonly inFlight: number
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

const REMEMBERED = 20_000
/** A head is read and written with every decision: labels beyond this stay out of the hub's own events. */
const LABEL_LIMIT = 16_384

/** Down, first half: from Keptn's stream, by the topology, to the hub store (DESIGN 7.1, 7.2). */
export function routePump(options: RoutePumpOptions): Pump {
  const router = new Router(options)
  return new Pump({
    name: `route ${options.controlPlane.name}`,
    open: options.open,
    direction: 'route',
    inFlight: options.inFlight,
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      options.log.debug({ error }, 'Routing waits.')
    },
    prepare: (delivery) => {
      const parsed = parseDelivery(delivery, delivery.subject)
      const key = orderKey(parsed, delivery)
      if (parsed.ok) {
        const { event } = parsed
        const { tracing = noTracing } = options
        return { key, work: () => tracing.step('route', event, () => router.take(delivery, event)) }
      }
      const { reason, detail } = parsed
      return { key, work: () => options.deadLetters.store('down', delivery, reason, detail) }
    },
  })
}

class Router {
  readonly #options: RoutePumpOptions
  readonly #signals = new Signals()
  /** Event id to the fingerprint of its body: of what has been routed to its end. */
  readonly #recent = new LRUCache<string, string>({ max: REMEMBERED })

  constructor(options: RoutePumpOptions) {
    this.#options = options
  }

  async take(delivery: Delivery, event: KeptnEvent): Promise<void> {
    const { deadLetters, metrics } = this.#options
    const print = fingerprint(delivery.body)
    const known = this.#recent.get(event.id)
    if (known === print) {
      metrics.duplicates.inc({ direction: 'down' })
      return
    }
    if (known !== undefined) {
      await this.#setAsideConflict(delivery, event)
      return
    }
    await orSetAside(deadLetters, 'down', delivery, () => this.#route(delivery, event))
    this.#recent.set(event.id, print)
  }

  async #route(delivery: Delivery, event: KeptnEvent): Promise<void> {
    const { topology, controlPlane, registry, log, metrics } = this.#options
    if (isWrappedAnswer(event)) {
      metrics.events.inc({ direction: 'route', result: 'unwrapped' })
      await unwrap(this.#options, delivery, event)
      return
    }
    const path = parsePath(delivery.header(PATH))
    if (path.length === 0) this.#signal(event, delivery.storedAt)
    const decision = route({
      topology: topology.current,
      controlPlane,
      event,
      path,
      interestOf: (stamp, candidate) => registry.interestOf(stamp, candidate),
      isDrained: (stamp) => registry.isDrained(stamp),
    })
    metrics.events.inc({ direction: 'route', result: decision.kind })
    if (decision.kind === 'local' && decision.drained.length > 0) {
      const facts = { type: event.type, context: event.context }
      log.warn(facts, 'All stamps that want a task are drained: it stays in the control plane.')
    }
    if (decision.kind === 'notice') {
      // Where NATS is forbidden, stamps poll for it.
      const reached = decision.targets.filter(({ stamp }) => stamp.link !== 'https')
      const places = reached.map(({ stamp }) => placeOf(stamp))
      const outgoing = outgoingOf(delivery, event, path, false)
      const refused = await this.#setAsideRefused(delivery, outgoing, places)
      const allowed = places.filter(({ stamp }) => !refused.includes(stamp))
      await this.#send(delivery, event, outgoing, allowed)
    } else if (decision.kind === 'fan-out') await this.#fanOut(delivery, event, path, decision)
  }

  #signal(event: KeptnEvent, saidAt: number): void {
    const { fanOuts } = this.#options
    const signal = this.#signals.read(event)
    if (signal.kind === 'answered-at-home') fanOuts.homeAnswered(signal.triggeredid)
    else if (signal.kind === 'stage-over') {
      const { stage, reason } = signal
      fanOuts.cancelStage({ context: event.context, stage, reason, saidAt })
    }
  }

  async #fanOut(
    delivery: Delivery,
    event: KeptnEvent,
    path: readonly string[],
    decision: Extract<Route, { kind: 'fan-out' }>,
  ): Promise<void> {
    const { topology, controlPlane, fanOuts, now } = this.#options
    const { task, policy, missing } = decision
    const stamps = this.#choose(decision, event)
    const waves = planWaves({
      topology: topology.current,
      policy,
      targets: stamps.map(({ stamp }) => stamp),
    })
    const targets = stamps.map((target) => this.#target(target, policy, waves !== undefined))
    const labels = JSON.stringify(event.labels).length > LABEL_LIMIT ? {} : event.labels
    const traceparent = traceOf(delivery, event)
    const head = await fanOuts.begin(
      openFanOut({
        event: { ...event, labels, traceparent },
        controlPlane: controlPlane.name,
        task,
        policy,
        targets,
        missing: missing.map(({ name }) => name),
        ...(waves === undefined ? {} : { waves, path }),
        at: now(),
        storedAt: delivery.storedAt,
      }),
      delivery.body,
    )
    if (head === undefined) return
    const outgoing = outgoingOf(delivery, event, path, true)
    const refused = await this.#setAsideRefused(delivery, outgoing, head.targets)
    if (head.waves !== undefined) {
      // Its copies are made as turns come, of the event that it was opened with.
      if (!(await fanOuts.isOpenedWith(event.id, delivery.body)))
        await this.#setAsideConflict(delivery, event)
      return
    }
    await fanOuts.refused(event.id, refused)
    const places = head.targets.filter(
      ({ given, link, stamp }) => given === 'sent' && link !== 'https' && !refused.includes(stamp),
    )
    try {
      fanOuts.sent(event.id, await this.#send(delivery, event, outgoing, places))
    } catch (error) {
      // Too large, or refused for good: waiting for answers would only take Keptn's time.
      if (isSignetError(error) && !error.retryable && error.code !== 'SIGNET_STOPPED')
        await fanOuts.undeliverable(event.id)
      throw error
    }
  }

  #choose({ policy, targets }: Extract<Route, { kind: 'fan-out' }>, event: KeptnEvent) {
    if (policy.select !== 'one') return targets
    const { fanOuts, registry } = this.#options
    const online = targets.filter(({ stamp }) => registry.isOnline(stamp.name))
    const pool = online.length > 0 ? online : targets
    const picked = pickOne(pool, event.context, (stamp) => fanOuts.busy(stamp))
    return picked === undefined ? [] : [picked]
  }

  #target({ stamp, interest }: RoutedStamp, policy: TaskPolicy, isInWaves: boolean): Target {
    // In waves that is decided when its turn comes.
    const isThere = isInWaves || this.#options.registry.isOnline(stamp.name)
    return {
      stamp: stamp.name,
      geo: stamp.geo,
      ring: stamp.ring,
      answers: interest.kind === 'known' ? interest.answers : 1,
      exact: interest.kind === 'known' && interest.exact,
      assumed: interest.kind === 'assumed',
      ...(stamp.link === 'nats' ? {} : { link: stamp.link }),
      given: isThere || policy.offline === 'wait' ? 'sent' : given(policy.offline),
    }
  }

  /** Publishes one copy for each stamp; resolves with where they lie when all are stored. */
  async #send(
    delivery: Delivery,
    event: KeptnEvent,
    outgoing: Outgoing,
    places: readonly Place[],
  ): Promise<ReadonlyMap<string, number>> {
    if (outgoing.tail === '') return new Map()
    const stored = places.map(async ({ geo, ring, stamp }) => {
      const answer = await this.#options.copies.store(outgoing, { geo, ring, stamp })
      return { stamp, geo, ...answer }
    })
    const answers = await Promise.all(stored)
    const first = answers.find(({ duplicate, tries }) => duplicate && tries === 1)
    if (first !== undefined) await this.#checkBody(delivery, event, outgoing, first)
    return new Map(answers.map(({ stamp, sequence }) => [stamp, sequence]))
  }

  /** The same id must mean the same event: if its first body was another, this one is set aside. */
  async #checkBody(
    delivery: Delivery,
    event: KeptnEvent,
    outgoing: Outgoing,
    { geo, sequence }: { readonly geo: string; readonly sequence: number },
  ): Promise<void> {
    const { hubStore, copies, metrics } = this.#options
    const first = await hubStore.message(copies.stream, sequence)
    const crossed = copies.crossed(outgoing, { geo })
    const isSame =
      first === undefined ||
      crossed.kind === 'refused' ||
      // The geo's rules have changed since: what they left out says nothing of the rest.
      (first.header(REDACTED) ?? '') !== crossed.redacted.join() ||
      Buffer.compare(first.body, crossed.body) === 0
    if (isSame) metrics.duplicates.inc({ direction: 'down' })
    else await this.#setAsideConflict(delivery, event)
  }

  /** Sets an event aside, once for all stamps whose geos it may not go to, and returns those. */
  async #setAsideRefused(
    delivery: Delivery,
    outgoing: Outgoing,
    places: readonly Place[],
  ): Promise<readonly string[]> {
    const { copies, deadLetters } = this.#options
    const refusals = places.flatMap(({ geo, stamp }) => {
      const crossed = copies.crossed(outgoing, { geo })
      return crossed.kind === 'refused' ? [{ stamp, ...crossed }] : []
    })
    const [first] = refusals
    if (first === undefined) return []
    const stamps = refusals.map(({ stamp }) => stamp)
    const { why, by: refusedBy } = first
    await deadLetters.store('down', delivery, 'residency', why, { stamps, refusedBy })
    return stamps
  }

  async #setAsideConflict(delivery: Delivery, { id }: KeptnEvent): Promise<void> {
    const { deadLetters } = this.#options
    await deadLetters.store('down', delivery, 'id-conflict', `id ${id} has another body`)
  }
}

function traceOf(delivery: Pick<Delivery, 'header'>, event: KeptnEvent): string {
  return delivery.header(TRACEPARENT) ?? event.traceparent
}

/** An event as it goes down. */
export function outgoingOf(
  delivery: Pick<Delivery, 'body' | 'header'>,
  event: KeptnEvent,
  path: readonly string[],
  isFanOut: boolean,
): Outgoing {
  return {
    id: event.id,
    tail: tailOf(event.type) ?? '',
    body: delivery.body,
    path,
    traceparent: traceOf(delivery, event),
    isFanOut,
    geos: parsePath(delivery.header(GEOS)),
  }
}

function placeOf({ geo, ring, name }: { geo: string; ring: string; name: string }): Place {
  return { geo, ring, stamp: name }
}

function given(offline: 'skip' | 'fail'): 'skipped' | 'failed' {
  return offline === 'skip' ? 'skipped' : 'failed'
}
