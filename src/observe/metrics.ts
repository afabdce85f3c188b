import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Place } from '../domain/subject.ts'
import type { Exporter, Label, MetricFacts } from './instruments.ts'
import { Count, Level, Spread } from './instruments.ts'

/** Fan-outs and tasks take between a second and hours. */
const TASK_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200]
const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const STAMPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

/**
 * Every number that an agent exports (DESIGN 9). One instance for each agent, with a registry of its own.
 * What only a leader knows is a level of a _term_: it may be set at any time while the agent leads, and is
 * taken out by `endTerm`. `docs/metrics.md` is made from what is here.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly #facts: MetricFacts[] = []
  /** The levels that only a leader knows. */
  readonly #ofTerm: { clear(): void }[] = []

  readonly events = this.#count(
    'leader',
    'signet_events_total',
    'Events by direction and what became of them.',
    ['direction', 'result'],
  )
  readonly lag = this.#spread(
    'leader',
    'signet_event_lag_seconds',
    'From the time in the event to its delivery.',
    ['direction'],
    LAG_SECONDS,
  )
  readonly duplicates = this.#count(
    'leader',
    'signet_duplicates_total',
    'Events that came again and were not passed on again.',
    ['direction'],
  )
  readonly deadLetters = this.#count(
    'leader',
    'signet_dead_letters_total',
    'Events that were set aside, by reason.',
    ['direction', 'reason'],
  )
  readonly lettersRetried = this.#count(
    'hub',
    'signet_dead_letters_retried_total',
    'Dead letters that somebody tried again, by whether they were put back or stay.',
    ['result'],
  )
  readonly lettersPurged = this.#count(
    'hub',
    'signet_dead_letters_purged_total',
    'Dead letters that somebody purged.',
    [],
  )
  readonly replayed = this.#count(
    'hub',
    'signet_replayed_total',
    'Events of replays, by what became of them.',
    ['result'],
  )
  readonly residencyRefusals = this.#count(
    'agent',
    'signet_residency_refusals_total',
    'What was not let out of a geo or was kept from entering it, by the way it would have taken and the reason.',
    ['direction', 'reason'],
  )
  readonly lateAnswers = this.#count(
    'hub',
    'signet_late_answers_total',
    'Answers that came after their fan-out was settled, and were dropped, by the stamp they came from.',
    ['geo', 'ring', 'stamp'],
  )
  readonly fanoutsOpen = this.#level(
    'hub',
    'signet_fanouts_open',
    'Fan-outs that wait for answers.',
    [],
  )
  readonly fanoutStates = this.#level(
    'hub',
    'signet_fanouts_by_state',
    'Open fan-outs that are `running`, `paused` (by hand or because Keptn paused the sequence) or `stopped` (no further stamp begins).',
    ['result'],
  )
  readonly fanoutStamps = this.#level(
    'hub',
    'signet_fanout_stamps',
    'Stamps of open fan-outs by where they stand: `pending` (their turn has not come), `waiting`, `running`, `passed`, `failed`, `skipped`, `not-begun`.',
    ['ring', 'result'],
  )
  readonly fanoutSeconds = this.#spread(
    'hub',
    'signet_fanout_duration_seconds',
    'From the .triggered of a task to its one .finished.',
    ['task', 'result'],
    TASK_SECONDS,
  )
  readonly fanoutTargets = this.#spread(
    'hub',
    'signet_fanout_targets',
    'Stamps that a task was sent to.',
    ['task'],
    STAMPS,
  )
  readonly pauseChecksFailed = this.#count(
    'hub',
    'signet_pause_checks_failed_total',
    'How often Keptn did not say whether a sequence is paused.',
    [],
  )
  readonly stampChecksFailed = this.#count(
    'hub',
    'signet_stamp_checks_failed_total',
    'How often Keptn did not tell of the integrations of stamps that poll.',
    [],
  )
  readonly linkUp = this.#level(
    'agent',
    'signet_link_up',
    'Whether a link works (1): the `gateway` and the `keptn` NATS side of every agent, and the `https` link of a leader that has one.',
    ['link'],
  )
  readonly linkSwitches = this.#count(
    'leader',
    'signet_link_switches_total',
    'Changes from one link to the other, by the link that was changed to and why.',
    ['link', 'reason'],
  )
  readonly canaryAge = this.#level(
    'leader',
    'signet_canary_age_seconds',
    'Since the last canary event came through a link in a direction.',
    ['link', 'direction'],
  )
  readonly consumerPending = this.#level(
    'leader',
    'signet_consumer_pending',
    'Messages that a consumer has not handed out yet.',
    ['direction'],
  )
  readonly inFlight = this.#level(
    'leader',
    'signet_in_flight',
    'Events that were taken and not yet acknowledged.',
    ['direction'],
  )
  readonly stampsOnline = this.#level(
    'hub',
    'signet_stamps_online',
    'Stamps, listed or joined, whose agents are heard of, by where they stand.',
    ['geo', 'ring'],
  )
  readonly stampsKnown = this.#level(
    'hub',
    'signet_stamps_known',
    'Stamps that belong to the federation, listed or joined, by where they stand.',
    ['geo', 'ring'],
  )
  readonly refusedStamps = this.#count(
    'hub',
    'signet_stamps_refused_total',
    'Announcements of stamps that are not let in, by reason.',
    ['reason'],
  )
  readonly registrations = this.#level(
    'agent',
    'signet_registrations',
    'Integrations registered and alive in this stamp; all its agents know the same ones.',
    [],
  )
  readonly recipientPosts = this.#count(
    'leader',
    'signet_recipient_posts_total',
    'Events posted to the recipients of integrations, by what became of each try.',
    ['result'],
  )
  readonly recipientsDown = this.#level(
    'leader',
    'signet_recipients_down',
    'Recipients whose last try failed.',
    [],
  )
  readonly heldTriggered = this.#level(
    'leader',
    'signet_held_triggered',
    'Task events that are held back because no integration of this stamp that wants them is alive.',
    [],
  )
  readonly registrationCalls = this.#count(
    'leader',
    'signet_registration_calls_total',
    'Calls that tell the control plane of this stamp’s integrations, by what became of them.',
    ['result'],
  )
  readonly integrationLogs = this.#count(
    'agent',
    'signet_integration_logs_total',
    'Error logs that integrations of this stamp sent, by what became of them.',
    ['result'],
  )
  readonly tunnelRequests = this.#count(
    'agent',
    'signet_tunnel_requests_total',
    'Calls to Keptn’s API: as the stamp that asks sees them (`entry`), and as the home stamp does (`exit`).',
    ['direction', 'result', 'reason'],
  )
  readonly tunnelSeconds = this.#spread(
    'agent',
    'signet_tunnel_request_seconds',
    'From a call to the beginning of its answer.',
    ['direction'],
    LAG_SECONDS,
  )
  readonly polls = this.#count(
    'leader',
    'signet_polls_total',
    'Rounds in which an https link asked for events, by whether all questions were answered.',
    ['result'],
  )
  readonly apiSends = this.#count(
    'leader',
    'signet_api_sends_total',
    'Events on their way to the Keptn API: sent, found to have arrived after an unclear end, or tried again.',
    ['result'],
  )
  readonly durable = this.#level(
    'leader',
    'signet_durable',
    'Whether this stamp keeps events in JetStream (1) or in memory only (0).',
    [],
  )
  readonly leader = this.#level(
    'agent',
    'signet_leader',
    'Whether this agent leads its stamp: it delivers, collects, and is the hub at home.',
    [],
  )
  readonly reloads = this.#count(
    'agent',
    'signet_reloads_total',
    'Changes of topology and settings, by whether the agent went over to them.',
    ['result'],
  )
  readonly reloadPending = this.#level(
    'agent',
    'signet_reload_pending',
    'Whether the files say something else than what this agent runs with (1): refused, or being prepared.',
    [],
  )

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  /** Every metric of ours, in the order of DESIGN 9 as far as that goes. */
  get facts(): readonly MetricFacts[] {
    return this.#facts
  }

  /** A term is over: what only a leader knows is not said by this agent any more. */
  endTerm(): void {
    for (const level of this.#ofTerm) level.clear()
    this.linkUp.remove({ link: 'https' })
  }

  /**
   * What is scraped, in the text format of Prometheus. Every series says where its agent stands, so that no
   * collector has to be told; a label that a number has by itself wins. An empty ring is none.
   */
  async text(place?: Place): Promise<{ readonly type: string; readonly text: string }> {
    const known = Object.entries(place ?? {}).filter(([, value]) => value !== '')
    this.registry.setDefaultLabels(Object.fromEntries(known))
    return { type: this.registry.contentType, text: await this.registry.metrics() }
  }

  #count<L extends Label>(by: Exporter, name: string, help: string, labels: L[]): Count<L> {
    return new Count(this.#noted({ name, help, labels, by }), this.registry)
  }

  #level<L extends Label>(by: Exporter, name: string, help: string, labels: L[]): Level<L> {
    const level = new Level(this.#noted({ name, help, labels, by }), this.registry)
    if (by !== 'agent') this.#ofTerm.push(level)
    return level
  }

  #spread<L extends Label>(
    by: Exporter,
    name: string,
    help: string,
    labels: L[],
    buckets: readonly number[],
  ): Spread<L> {
    return new Spread({ ...this.#noted({ name, help, labels, by }), buckets }, this.registry)
  }

  #noted<F extends MetricFacts>(facts: F): F {
    this.#facts.push(facts)
    return facts
  }
}
