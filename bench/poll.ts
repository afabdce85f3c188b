import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Integration } from '../src/domain/interest.ts'
import { KeptnApi } from '../src/https/keptn-api.ts'
import { createLog } from '../src/observe/log.ts'
import { Metrics } from '../src/observe/metrics.ts'
import { Poll } from '../src/stamp/poll.ts'
import { CountingApi } from './poll-api.ts'

export interface PollBenchOptions {
  readonly stamps: number
  /** Integrations of each stamp, and subscriptions of each integration; each wants a type of its own. */
  readonly integrations: number
  readonly subscriptions: number
  /** How long an interval of 10 s takes here, in milliseconds; everything else is as much faster. */
  readonly intervalMs: number
  /** How many intervals are counted. */
  readonly intervals: number
}

/** What the intervals that are told are in an installation: a distributor's for polls and heartbeats. */
const INTERVAL_S = 10
/** How often it is looked at how far they are, in milliseconds. */
const LOOK_MS = 5
/** How often all open events are looked at, in intervals: every five minutes. */
const SWEEP_INTERVALS = 30

/**
 * What an idle federation asks of Keptn's API: stamps with an https link, and beside them, in the same run
 * and at the same API, what a distributor for each integration would ask.
 */
export async function poll(options: PollBenchOptions, progress: (line: string) => void) {
  await using api = await CountingApi.start()
  const { stamps, integrations, intervals, intervalMs } = options
  progress(`${stamps} stamps poll for ${intervals} intervals of ${intervalMs} ms`)
  const signet = await counted(api, stamps, intervals, startStamps(api.url, options))
  progress('a distributor for each of their integrations does the same')
  const count = stamps * integrations
  const distributors = await counted(api, count, intervals, startDistributors(api.url, options))
  return {
    bench: 'poll',
    node: process.version,
    ...options,
    signet: { pollsPerSecond: signet.polls },
    distributors: {
      pollsPerSecond: distributors.polls,
      heartbeatsPerSecond: distributors.heartbeats,
    },
    ratioOfPolls: rounded(signet.polls / distributors.polls),
    ratioOfAll: rounded(signet.polls / (distributors.polls + distributors.heartbeats)),
  }
}

/** Whoever polls, all together. */
interface Pollers {
  /** How many rounds they have made so far. */
  rounds(): Promise<number>
  stop(): Promise<void>
}

/** Requests a second, as they would be at a round each 10 s: a busy machine makes rounds longer, not fewer. */
async function counted(api: CountingApi, pollers: number, intervals: number, running: Pollers) {
  const until = async (rounds: number): Promise<void> => {
    while ((await running.rounds()) < rounds) await sleep(LOOK_MS)
  }
  // The first rounds look at everything, once.
  await until(2 * pollers)
  const before = await running.rounds()
  api.take()
  await until(before + intervals * pollers)
  const { polls, heartbeats } = api.take()
  const seconds = (((await running.rounds()) - before) / pollers) * INTERVAL_S
  await running.stop()
  return { polls: rounded(polls / seconds), heartbeats: rounded(heartbeats / seconds) }
}

function typesOf(integration: number, { subscriptions }: PollBenchOptions): readonly string[] {
  return Array.from(
    { length: subscriptions },
    (_, index) => `sh.keptn.event.task-${integration}-${index}.triggered`,
  )
}

function connection(endpoint: string): KeptnApi {
  return new KeptnApi({
    endpoint,
    token: 'token',
    proxies: {},
    verifyTls: true,
    timeoutMs: 30_000,
    maxAnswerBytes: 1_048_576,
    now: () => performance.now(),
  })
}

function startStamps(endpoint: string, options: PollBenchOptions): Pollers {
  const log = createLog('silent', {})
  const metrics = new Metrics()
  const filter = { projects: [], stages: [], services: [] }
  const integrations: readonly Integration[] = Array.from(
    { length: options.integrations },
    (_, index) => ({
      name: `integration-${index}`,
      subscriptions: typesOf(index, options).map((event) => ({ event, filter })),
    }),
  )
  const started = Array.from({ length: options.stamps }, () => {
    const api = connection(endpoint)
    const polling = new Poll({
      api,
      integrations: () => integrations,
      read: () => Promise.resolve(undefined),
      hear: () => undefined,
      admit: () => Promise.resolve('taken'),
      intervalMs: options.intervalMs,
      sweepMs: SWEEP_INTERVALS * options.intervalMs,
      log,
      metrics,
    })
    return { api, polling }
  })
  for (const { polling } of started) polling.start()
  return {
    rounds: async () => {
      const polls = await metrics.registry.getSingleMetric('signet_polls_total')?.get()
      return polls?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    },
    stop: async () => {
      await Promise.all(started.map(({ polling }) => polling.stop()))
      await Promise.all(started.map(({ api }) => api.close()))
    },
  }
}

/** Each subscription is a poll and each integration a heartbeat, once in an interval (wire 3.2, 3.4). */
function startDistributors(endpoint: string, options: PollBenchOptions): Pollers {
  let rounds = 0
  const stopping = new AbortController()
  const { signal } = stopping
  setMaxListeners(0, signal)
  const count = options.stamps * options.integrations
  const running = Array.from({ length: count }, async (_, index) => {
    const api = connection(endpoint)
    // Pods do not start in the same instant.
    await sleep((index / count) * options.intervalMs)
    while (!signal.aborted) {
      const begun = performance.now()
      const ping = '/controlPlane/v1/uniform/registration/id/ping'
      await api.call({ method: 'PUT', path: ping, body: '' }, never)
      for (const type of typesOf(index % options.integrations, options))
        await api.call({ method: 'GET', path: `/controlPlane/v1/event/triggered/${type}` }, never)
      rounds += 1
      const left = options.intervalMs - (performance.now() - begun)
      await sleep(Math.max(0, left), undefined, { signal }).catch(() => undefined)
    }
    await api.close()
  })
  return {
    rounds: () => Promise.resolve(rounds),
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

const never = new AbortController().signal

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
