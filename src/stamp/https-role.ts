import { LRUCache } from 'lru-cache'
import type { BackoffRule } from '../domain/backoff.ts'
import { echoKey } from '../domain/echo.ts'
import type { KeptnEvent } from '../domain/event.ts'
import type { Integration } from '../domain/interest.ts'
import { isListedWhileOpen } from '../domain/polled-turn.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { deadLetterPattern } from '../domain/subject.ts'
import type { SignetError } from '../errors.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'
import { untilDone } from '../runtime/retry.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { Admitted } from './admit.ts'
import { admit, readPolled } from './admit.ts'
import { nothingBegun, openBegun } from './begun.ts'
import { openCollection } from './collect.ts'
import { openFanOutsHere, rememberedFanOuts } from './fan-outs-here.ts'
import type { Gate } from './gate.ts'
import type { LinkChoice } from './link-choice.ts'
import { httpsOnly } from './link-choice.ts'
import { Poll } from './poll.ts'
import { ApiSender } from './send.ts'
import { WITHOUT_JETSTREAM } from './stamp-role.ts'
import type { Turns } from './turns.ts'
import { httpsWay } from './up-https.ts'
import type { UpPump, UpWay } from './up-pump.ts'
import { upPump } from './up-pump.ts'

export interface HttpsRoleOptions {
  readonly api: KeptnApi
  readonly scope: Scope
  readonly topology: TopologySource
  /** Where this stamp stands now. */
  readonly place: () => Place
  /** The control plane's home stamp. */
  readonly home: string
  readonly keptnStore: Store
  /** To the Keptn NATS. */
  readonly publisher: Publisher
  /** The term in which it is this agent's. */
  readonly term: Term
  readonly listen: () => DeliverySource
  readonly wayIn: WayIn
  readonly gate: Gate
  /** What of all that is polled is this stamp's, and when. */
  readonly turns: Turns
  readonly integrations: () => readonly Integration[] | undefined
  /** Where NATS is forbidden or gone, dead letters stay in the stamp, in a stream of the same name. */
  readonly deadLetters: () => DeadLetters
  readonly border: Border
  /** The geo of the control plane. */
  readonly homeGeo: string
  /** Where NATS is allowed: which link it is, and the way up by NATS. */
  readonly both?: { readonly choice: LinkChoice; readonly nats: UpWay; readonly lookBackMs: number }
  readonly intervalMs: number
  readonly sweepMs: number
  readonly settleWaitsMs?: readonly number[]
  readonly retry?: BackoffRule
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
}

/** Events sent last: Keptn says them again under other ids, and they are not to come back (D8). */
const REMEMBERED = 10_000

/**
 * A stamp whose way to its control plane is Keptn's public API (DESIGN 7.9): it polls what comes down, and
 * posts what goes up.
 */
export class HttpsRole implements Part {
  readonly name = 'https link'
  readonly #options: HttpsRoleOptions
  readonly #poll: Poll
  readonly #sender: ApiSender
  readonly #sent = new LRUCache<string, true>({ max: REMEMBERED })
  readonly #choice: LinkChoice
  #polls = false
  #following: Promise<void> = Promise.resolve()
  #forget: (() => void) | undefined
  #up: UpPump | undefined
  readonly #posted = new LRUCache<string, true>({ max: REMEMBERED })
  #pumps: readonly Pump[] = []
  #fanOuts = rememberedFanOuts()
  #reason: string | undefined = 'the Keptn NATS has not answered yet'

  constructor(options: HttpsRoleOptions) {
    this.#options = options
    const { deadLetters, both } = options
    this.#choice = both?.choice ?? httpsOnly
    this.#sender = new ApiSender(options)
    this.#poll = new Poll({
      ...options,
      ...(both === undefined ? {} : { lookBackMs: both.lookBackMs }),
      read: (text) => readPolled(deadLetters(), text),
      hear: (text) => options.turns.hear(text),
      admit: (event, text, isListed, signal) => this.#admit(event, text, isListed, signal),
    })
  }

  /** Why it does not work, or undefined. */
  get notReady(): string | undefined {
    const reason = this.#reason ?? pumpTrouble(this.#pumps)
    return reason ?? (this.#polls ? (this.#poll.trouble ?? this.#sender.trouble) : undefined)
  }

  /** What is weaker here than it should be, though it works. */
  get warning(): string | undefined {
    if (this.#reason !== undefined) return undefined
    if (!this.#options.wayIn.isDurable) return WITHOUT_JETSTREAM
    // What began over HTTPS ends there.
    return this.#polls ? this.#poll.warning : this.#sender.trouble
  }

  /** For `/status`. */
  describe(): object {
    const { api } = this.#options
    const reason = this.notReady
    return {
      endpoint: api.shownEndpoint,
      polls: this.#polls,
      ...(reason === undefined ? {} : { reason }),
    }
  }

  async start(signal: AbortSignal): Promise<void> {
    const { wayIn, keptnStore, scope, retentionMs, both, log, metrics } = this.#options
    const note = (error: SignetError): void => {
      if (this.#reason !== error.message) log.warn({ error }, 'The https link waits.')
      this.#reason = error.message
    }
    const isDurable = (): boolean => wayIn.isDurable
    const collection = { ...this.#options, isDurable }
    await untilDone(() => wayIn.open(), signal, note)
    await untilDone(() => openCollection(collection), signal, note)
    const setAside = {
      name: storeNames(scope).deadLetters,
      subjects: [deadLetterPattern(scope)],
      maxAgeMs: retentionMs,
      duplicateWindowMs: this.#options.dedupeWindowMs,
      replicas: 1,
    } as const
    if (isDurable()) await untilDone(() => keptnStore.ensureStream(setAside), signal, note)
    else log.warn({}, WITHOUT_JETSTREAM)
    const begun = isDurable()
      ? await untilDone(() => openBegun(keptnStore, retentionMs), signal, note)
      : nothingBegun
    if (isDurable())
      this.#fanOuts = await untilDone(() => openFanOutsHere(keptnStore, retentionMs), signal, note)
    const https = httpsWay({
      ...this.#options,
      sender: this.#sender,
      metrics,
    })
    this.#up = upPump({
      ...this.#options,
      isDurable,
      choice: this.#choice,
      ways: { https, ...(both === undefined ? {} : { nats: both.nats }) },
      onSend: (event, link) => {
        this.#sent.set(echoKey(event), true)
        if (link === 'https') this.#posted.set(echoKey(event), true)
      },
      begun,
      fanOuts: this.#fanOuts,
    })
    this.#pumps = [this.#up.pump]
    this.#up.pump.start()
    this.#forget = this.#choice.onChange(() => {
      this.#follow()
    })
    this.#follow()
    metrics.durable.set(wayIn.isDurable ? 1 : 0)
    this.#reason = undefined
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { gate, metrics } = this.#options
    observePumps(this.#pumps, metrics)
    metrics.heldTriggered.set(gate.held)
    if (!this.#polls) metrics.linkUp.remove({ link: 'https' })
    else metrics.linkUp.set({ link: 'https' }, this.#poll.trouble === undefined ? 1 : 0)
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    this.#forget?.()
    const polled = this.#following.then(() => this.#poll.stop())
    const drained = drainPumps(this.#pumps)
    // After the pumps were told, so that what waits is handed back and not tried again.
    this.#up?.stop()
    this.#sender.stop()
    this.#options.gate.stop()
    await Promise.all([polled, drained])
  }

  /** Polls while the link is HTTPS, and only then. */
  #follow(): void {
    const polls = this.#choice.link === 'https'
    if (polls === this.#polls) return
    this.#polls = polls
    const { both, metrics } = this.#options
    if (both !== undefined && polls)
      metrics.linkSwitches.inc({ link: 'https', reason: 'nats-gone' })
    if (both !== undefined && !polls)
      metrics.linkSwitches.inc({ link: 'nats', reason: 'nats-back' })
    // One after the other: what is stopped cannot be started before it has ended.
    this.#following = this.#following.then(() => (polls ? this.#poll.start() : this.#poll.stop()))
  }

  async #admit(
    event: KeptnEvent,
    text: string,
    isListed: boolean,
    signal: AbortSignal,
  ): Promise<Admitted> {
    if (this.#isEcho(event)) return 'taken'
    const { home, place, turns } = this.#options
    const route = turns.judge(event)
    if (route === 'leave') return 'taken'
    const isFanOut = route === 'fan-out'
    // A turn that came a while ago may be over: only the list of open events tells.
    const mayBeOver = isListedWhileOpen(event) && !isListed
    if (isFanOut && (mayBeOver || !(await turns.hasBegun(event, isListed, signal))))
      return 'unnamed'
    const deadLetters = this.#options.deadLetters()
    const path = `${home},${place().stamp}`
    const options = { ...this.#options, deadLetters, path, fanOuts: this.#fanOuts }
    return admit(options, event, text, isFanOut)
  }

  /** Is told of each fan-out that comes by the other link, before it is handed over. */
  noteFanOut(cause: string): Promise<void> {
    return this.#fanOuts.note(cause)
  }

  /** Whether an event is what this stamp posted, so that nobody else could see where it comes from. */
  wasPosted(event: KeptnEvent): boolean {
    return this.#posted.has(echoKey(event))
  }

  /** Whether an event is what this stamp sent. Its integrations heard it when it was said. */
  #isEcho(event: KeptnEvent): boolean {
    if (this.#sent.has(echoKey(event))) return true
    // Sent by an agent that is gone. An integration names itself as the source of what it says (wire 2.7).
    const own = this.#options.integrations() ?? []
    return event.triggeredid !== '' && own.some(({ name }) => name === event.source)
  }
}
