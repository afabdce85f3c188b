import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Fan-outs and tasks take between a second and hours. */
const TASK_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200]
const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Every number that an agent exports (DESIGN 9). One instance for each agent, with a registry of its own. */
export class Metrics {
  readonly registry = new Registry()
  readonly events = this.#counter(
    'signet_events_total',
    'Events by direction and what became of them.',
    ['direction', 'result'],
  )
  readonly lag = new Histogram({
    name: 'signet_event_lag_seconds',
    help: 'From the time in the event to its delivery.',
    labelNames: ['direction'],
    buckets: LAG_SECONDS,
    registers: [this.registry],
  })
  readonly duplicates = this.#counter(
    'signet_duplicates_total',
    'Events that came again and were not passed on again.',
    ['direction'],
  )
  readonly deadLetters = this.#counter(
    'signet_dead_letters_total',
    'Events that were set aside, by reason.',
    ['direction', 'reason'],
  )
  readonly lateAnswers = this.#counter(
    'signet_late_answers_total',
    'Answers that came after their fan-out was settled, and were dropped.',
    ['stamp'],
  )
  readonly fanoutsOpen = this.#gauge('signet_fanouts_open', 'Fan-outs that wait for answers.', [])
  readonly fanoutSeconds = new Histogram({
    name: 'signet_fanout_duration_seconds',
    help: 'From the .triggered of a task to its one .finished.',
    labelNames: ['task', 'result'],
    buckets: TASK_SECONDS,
    registers: [this.registry],
  })
  readonly fanoutTargets = new Histogram({
    name: 'signet_fanout_targets',
    help: 'Stamps that a task was sent to.',
    labelNames: ['task'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers: [this.registry],
  })
  readonly pauseChecksFailed = this.#counter(
    'signet_pause_checks_failed_total',
    'How often Keptn did not say whether a sequence is paused.',
    [],
  )
  readonly linkUp = this.#gauge('signet_link_up', 'Whether a NATS side is connected.', ['link'])
  readonly consumerPending = this.#gauge(
    'signet_consumer_pending',
    'Messages that a consumer has not handed out yet.',
    ['direction'],
  )
  readonly inFlight = this.#gauge(
    'signet_in_flight',
    'Events that were taken and not yet acknowledged.',
    ['direction'],
  )
  readonly stampsOnline = this.#gauge(
    'signet_stamps_online',
    'Stamps, listed or joined, whose agents are heard of, as the hub sees it.',
    ['geo', 'ring'],
  )
  readonly refusedStamps = this.#counter(
    'signet_stamps_refused_total',
    'Announcements of stamps that are not let in, by reason.',
    ['reason'],
  )
  readonly registrations = this.#gauge(
    'signet_registrations',
    'Integrations registered and alive in this stamp.',
    [],
  )
  readonly recipientPosts = this.#counter(
    'signet_recipient_posts_total',
    'Events posted to the recipients of integrations, by what became of each try.',
    ['result'],
  )
  readonly recipientsDown = this.#gauge(
    'signet_recipients_down',
    'Recipients whose last try failed.',
    [],
  )
  readonly heldTriggered = this.#gauge(
    'signet_held_triggered',
    'Task events that are held back because no integration of this stamp that wants them is alive.',
    [],
  )
  readonly registrationCalls = this.#counter(
    'signet_registration_calls_total',
    'Calls that tell the control plane of this stamp’s integrations, by what became of them.',
    ['result'],
  )
  readonly integrationLogs = this.#counter(
    'signet_integration_logs_total',
    'Error logs that integrations of this stamp sent, by what became of them.',
    ['result'],
  )
  readonly tunnelRequests = this.#counter(
    'signet_tunnel_requests_total',
    "Calls to Keptn's API: as the stamp that asks sees them (`entry`), and as the hub does (`exit`).",
    ['direction', 'result', 'reason'],
  )
  readonly tunnelSeconds = new Histogram({
    name: 'signet_tunnel_request_seconds',
    help: 'From a call to the beginning of its answer.',
    labelNames: ['direction'],
    buckets: LAG_SECONDS,
    registers: [this.registry],
  })
  readonly polls = this.#counter(
    'signet_polls_total',
    'Rounds in which an https link asked for events, by whether all questions were answered.',
    ['result'],
  )
  readonly apiSends = this.#counter(
    'signet_api_sends_total',
    'Events on their way to the Keptn API: sent, found to have arrived after an unclear end, or tried again.',
    ['result'],
  )
  readonly durable = this.#gauge(
    'signet_durable',
    'Whether this agent keeps events in JetStream (1) or in memory only (0).',
    [],
  )
  readonly leader = this.#gauge(
    'signet_leader',
    'Whether this agent leads its stamp: it delivers, collects, and is the hub at home.',
    [],
  )

  readonly reloads = this.#counter(
    'signet_reloads_total',
    'Changes of topology and settings, by whether the agent went over to them.',
    ['result'],
  )
  readonly reloadPending = this.#gauge(
    'signet_reload_pending',
    'Whether the files say something else than what this agent runs with (1): refused, or being prepared.',
    [],
  )

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] })
  }
}
