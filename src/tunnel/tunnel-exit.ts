import { randomBytes } from 'node:crypto'
import { judgeCall } from '../domain/api-rules.ts'
import { misleadingField } from '../domain/http-fields.ts'
import { judgePlace } from '../domain/join.ts'
import { KEPTN_SERVICES } from '../domain/keptn-service.ts'
import { targetMistake } from '../domain/request-target.ts'
import type { Place, Scope } from '../domain/subject.ts'
import {
  apiFlowPattern,
  apiFlowSubject,
  apiPattern,
  isAnswerSubject,
  parseApiSubject,
} from '../domain/subject.ts'
import type { AskHead } from '../domain/tunnel-frame.ts'
import { decodeFrame, encodeFrame } from '../domain/tunnel-frame.ts'
import type { Bucket } from '../links/bucket.ts'
import type { Heard } from '../links/api-lines.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import { perTopology } from '../runtime/topology-source.ts'
import type { AllowanceOptions } from './allowance.ts'
import { Allowance } from './allowance.ts'
import type { CallRecord } from './applied-calls.ts'
import { AppliedCalls } from './applied-calls.ts'
import type { AdmittedCall, ExitCallOptions } from './exit-call.ts'
import { ExitCall } from './exit-call.ts'
import { FlowBudget } from './flow-budget.ts'
import { OwnRegistrations } from './own-registrations.ts'
import { ServiceCaller } from './service-caller.ts'
import type { ServiceWay } from './service-caller.ts'
import { failHead, failure, reasonOf } from './tunnel-failure.ts'

export interface TunnelExitOptions extends Pick<ExitCallOptions, 'lines' | 'rules' | 'times'> {
  readonly scope: Scope
  readonly topology: TopologySource
  readonly way: ServiceWay
  readonly limits: AllowanceOptions
  /** Where a stamp that no ring file lists has joined; undefined where it has not. */
  readonly joined: (stamp: string) => Promise<Place | undefined>
  /** Opens the bucket of calls that change something. */
  readonly openCalls: () => Promise<Bucket<CallRecord>>
  /** Why an answer may not leave home's geo for that of a stamp; undefined where it may. */
  readonly refusal?: (place: Place, ask: AdmittedCall['ask']) => string | undefined
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** All hub agents of a control plane share what stamps ask. */
const GROUP = 'hub'
const TICK_MS = 250
const PROBE = 'probe'
const PROBE_MS = 2_000

/** Where the tunnel ends, in the home stamp: checks what a stamp asks, and asks Keptn's services for it. */
export class TunnelExit implements Part {
  readonly name: string
  readonly #options: TunnelExitOptions
  /** This agent among those of its control plane: a token of the subjects that its calls go on at. */
  readonly #agent = randomBytes(9).toString('hex')
  readonly #geoOf: () => ReadonlyMap<string, string>
  readonly #callOptions: ExitCallOptions
  readonly #calls = new Map<string, { readonly place: Place; readonly call: ExitCall }>()
  readonly #running = new Set<Promise<void>>()
  #next = 0
  #timer: NodeJS.Timeout | undefined
  #unlisten: () => void = () => undefined
  #isDraining = false

  constructor(options: TunnelExitOptions) {
    this.#options = options
    this.name = `tunnel exit of ${options.scope.controlPlane}`
    this.#geoOf = perTopology(
      options.topology,
      ({ stamps }) => new Map(stamps.map(({ name, geo }) => [name, geo])),
    )
    const services = new ServiceCaller(options.way)
    this.#callOptions = {
      ...options,
      services,
      own: new OwnRegistrations(services),
      allowance: new Allowance(options.limits),
      budget: new FlowBudget(),
      applied: new AppliedCalls({
        open: options.openCalls,
        agent: this.#agent,
        isAlive: (agent) => this.#isAlive(agent),
      }),
    }
  }

  start(): Promise<void> {
    const { lines, scope } = this.#options
    lines.openInbox(() => undefined)
    // First: a stamp goes on where its call was taken.
    lines.listen(apiFlowPattern(scope, this.#agent), undefined, (heard) => {
      this.#goOn(heard)
    })
    this.#unlisten = lines.listen(apiPattern(scope), GROUP, (heard) => {
      this.#take(heard)
    })
    this.#timer = setInterval(() => {
      const now = performance.now()
      for (const { call } of this.#calls.values()) call.tick(now)
    }, TICK_MS)
    this.#timer.unref()
    return Promise.resolve()
  }

  /** Takes no new calls, which other hub agents get then, and makes those it has to their end. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#isDraining = true
    this.#unlisten()
    const giveUp = (): void => {
      const why = failure('draining', 'The hub agent ends.', 'maybe')
      for (const { call } of this.#calls.values()) call.abort(why)
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    await Promise.all(this.#running)
    signal.removeEventListener('abort', giveUp)
    clearInterval(this.#timer)
    this.#callOptions.services.close()
    this.#options.lines.close()
  }

  #take(heard: Heard): void {
    const { reply, subject } = heard
    if (reply === '') return
    if (!isAnswerSubject(reply)) {
      this.#options.log.warn({ subject, reply }, 'A call asks for its answer at no inbox; ignored.')
      return
    }
    const running = this.#run(heard).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  async #run(heard: Heard): Promise<void> {
    const { log, metrics, tracing = noTracing } = this.#options
    const began = performance.now()
    const count = (result: string, reason: string): void => {
      metrics.tunnelRequests.inc({ direction: 'exit', result, reason })
      metrics.tunnelSeconds.observe({ direction: 'exit' }, (performance.now() - began) / 1_000)
    }
    let stamp = ''
    try {
      const admitted = await this.#admit(heard)
      stamp = admitted.call.stamp
      const { place, call } = admitted
      await tracing.call('exit', call.ask, () => this.#make(place, call))
      count('answered', '')
    } catch (error) {
      const reason = reasonOf(error)
      count('failed', reason)
      log.warn({ stamp, subject: heard.subject, reason, error }, 'A call to Keptn’s API failed.')
    }
  }

  async #make(place: Place, admitted: AdmittedCall): Promise<void> {
    const key = admitted.to.slice(this.#agent.length + 1)
    const call = new ExitCall(this.#callOptions, admitted)
    this.#calls.set(key, { place, call })
    try {
      await call.run()
    } finally {
      this.#calls.delete(key)
    }
  }

  /** Checks what is asked, and tells the stamp what is wrong with it before it throws that. */
  async #admit({ subject, bytes, reply }: Heard): Promise<{ place: Place; call: AdmittedCall }> {
    try {
      if (this.#isDraining) throw failure('draining', 'This hub agent drains.')
      const place = parseApiSubject(subject)?.place
      if (place === undefined || !(await this.#belongs(place)))
        throw failure('unknown-stamp', 'The topology has no such stamp there.')
      const frame = decodeFrame(bytes)
      if (frame?.kind !== 'ask') throw failure('bad-request', 'This is no request of a tunnel.')
      const ask = checked(frame.head)
      const verdict = judgeCall(this.#options.rules, place.stamp, ask)
      if (!verdict.ok) throw failure(verdict.reason, `Refused: ${verdict.message}.`)
      // Before it is made: of what is refused afterwards nobody would know that it was done.
      const refusal = this.#options.refusal?.(place, ask)
      if (refusal !== undefined) throw failure('residency', `Refused: ${refusal}.`)
      this.#next += 1
      const to = `${this.#agent}.${this.#next.toString(36)}`
      return { place, call: { stamp: place.stamp, ask, body: frame.body, reply, to } }
    } catch (error) {
      this.#tell(reply, error)
      throw error
    }
  }

  /** Whether a stamp stands there: listed, whatever its ring, which may just be changing, or joined. */
  async #belongs(place: Place): Promise<boolean> {
    const geo = this.#geoOf().get(place.stamp)
    if (geo !== undefined) return geo === place.geo
    const verdict = judgePlace(this.#options.topology.current, place)
    if (verdict.kind !== 'allowed') return false
    const joined = await this.#options.joined(place.stamp).catch((error: unknown) => {
      throw failure('store-away', 'Who has joined cannot be looked up.', 'no', error)
    })
    if (joined === undefined) return verdict.approve === 'auto'
    return joined.geo === place.geo && joined.ring === place.ring
  }

  #goOn({ subject, bytes, reply }: Heard): void {
    const parsed = parseApiSubject(subject)
    if (parsed?.call === PROBE && isAnswerSubject(reply)) {
      this.#say(reply, encodeFrame({ kind: 'alive', head: {} }))
      return
    }
    const found = this.#calls.get(parsed?.call ?? '')
    if (found === undefined || parsed === undefined) return
    // What another stamp says of a call that is not its own.
    if (found.place.stamp !== parsed.place.stamp) return
    const frame = decodeFrame(bytes)
    if (frame === undefined) found.call.abort(failure('bad-request', 'That is no frame.', 'maybe'))
    else found.call.hear(frame)
  }

  /** Whether another hub agent runs; one that cannot be asked now is taken to run. */
  #isAlive(agent: string): Promise<boolean> {
    if (agent === this.#agent) return Promise.resolve(true)
    const { lines, scope, topology } = this.#options
    const { geo, ring, name } = topology.current.stamps[0] ?? {
      geo: 'none',
      ring: 'none',
      name: 'none',
    }
    return new Promise((resolve) => {
      const done = (isAlive: boolean): void => {
        clearTimeout(timer)
        unhear()
        resolve(isAlive)
      }
      const timer = setTimeout(() => {
        done(true)
      }, PROBE_MS)
      let unhear = (): void => undefined
      try {
        const place = { geo, ring, stamp: name }
        const subject = apiFlowSubject(scope, place, `${agent}.${PROBE}`)
        const question = encodeFrame({ kind: 'alive', head: {} })
        unhear = lines.ask(subject, question, (heard) => {
          done(heard !== 'nobody')
        })
      } catch {
        // Disconnected: nothing can be said of anybody.
        done(true)
      }
    })
  }

  #tell(reply: string, error: unknown): void {
    this.#say(reply, encodeFrame({ kind: 'fail', head: failHead(error) }))
  }

  #say(subject: string, bytes: Uint8Array): void {
    try {
      this.#options.lines.say(subject, bytes)
    } catch (error) {
      this.#options.log.debug({ error }, 'A stamp could not be told.')
    }
  }
}

/** What an ask must be before any rule is looked at. */
function checked(ask: AskHead): AdmittedCall['ask'] {
  const service = KEPTN_SERVICES.find((it) => it === ask.service)
  if (service === undefined) throw failure('bad-request', 'Keptn has no service of that name.')
  const mistake = targetMistake(ask.target) ?? misleadingField(ask.headers)
  if (mistake !== undefined) throw failure('bad-request', `Refused: ${mistake}.`)
  return { ...ask, service }
}
