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
/** How often all open events are looked at, in intervals: every five minutes. */
const SWEEP_INTERVALS = 30

/**
 * What an idle federation asks of Keptn's API: stamps with an https link, and beside them, in the same run
 * and at the same API, what a distributor for each integration would ask.
 */
export async function poll(options: PollBenchOptions, progress: (line: string) => void) {
  await using api = await CountingApi.start()
  const { intervals, intervalMs } = options
  progress(`${options.stamps} stamps poll for ${intervals} intervals of ${intervalMs} ms`)
  const signet = await counted(api, options, await startStamps(api.url, options))
  progress('a distributor for each of their integrations does the same')
  const distributors = await counted(api, options, startDistributors(api.url, options))
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

type Stop = () => Promise<void>

/** Requests a second, as they would be at an interval of 10 s. */
async function counted(api: CountingApi, options: PollBenchOptions, stop: Stop) {
  const { intervalMs, intervals } = options
  // The first rounds look at everything, once.
  await sleep(2 * intervalMs)
  api.take()
  const begun = performance.now()
  await sleep(intervals * intervalMs)
  const seconds = ((performance.now() - begun) / intervalMs) * INTERVAL_S
  const { polls, heartbeats } = api.take()
  await stop()
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

async function startStamps(endpoint: string, options: PollBenchOptions): Promise<Stop> {
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
      admit: () => Promise.resolve('taken'),
      intervalMs: options.intervalMs,
      sweepMs: SWEEP_INTERVALS * options.intervalMs,
      log,
      metrics,
    })
    return { api, polling }
  })
  for (const { polling } of started) polling.start()
  await sleep(0)
  return async () => {
    await Promise.all(started.map(({ polling }) => polling.stop()))
    await Promise.all(started.map(({ api }) => api.close()))
  }
}

/** Each subscription is a poll and each integration a heartbeat, once in an interval (wire 3.2, 3.4). */
function startDistributors(endpoint: string, options: PollBenchOptions): Stop {
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
      const left = options.intervalMs - (performance.now() - begun)
      await sleep(Math.max(0, left), undefined, { signal }).catch(() => undefined)
    }
    await api.close()
  })
  return async () => {
    stopping.abort()
    await Promise.all(running)
  }
}

const never = new AbortController().signal

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
