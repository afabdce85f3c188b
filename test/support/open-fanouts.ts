import type { ExecutionContext } from 'ava'
import type { Answer } from '../../src/domain/fanin.ts'
import type { FanOut, TargetRecord } from '../../src/domain/fanout.ts'
import { AggregateEmitter } from '../../src/hub/aggregate-emitter.ts'
import { directionPattern } from '../../src/domain/subject.ts'
import { Copies } from '../../src/hub/copies.ts'
import type { EndedFanOut } from '../../src/hub/fanout-store.ts'
import { FanOutStore } from '../../src/hub/fanout-store.ts'
import { FanOuts } from '../../src/hub/fanouts.ts'
import { PauseWatch } from '../../src/hub/pause-watch.ts'
import { SignetError } from '../../src/errors.ts'
import { WayIn } from '../../src/flow/way-in.ts'
import { Bucket } from '../../src/links/bucket.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { openBorder } from './border.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { topology } from './stamp-agent.ts'
import type { StoredMessage } from './stream-reader.ts'
import { readStream } from './stream-reader.ts'
import { connectedSide } from './nats-side.ts'

/** The bytes of the event that a fan-out is opened with. */
export const BODY = Buffer.from('{"id":"T1"}')

const SCOPE = { federation: 'acme', controlPlane: 'main' }
const DAY = 24 * 3_600_000

/** The fan-outs of a hub on a real server, with nothing around them. */
export interface OpenFanOuts {
  /** Stamps that are out of service. */
  readonly drained: Set<string>
  /** What Keptn says of the sequence, or that it does not; `asked` counts how often. */
  keptn: { isPaused: boolean | 'silent'; asked: number }
  /** The subjects of the copies that lie in DOWN, by stamp. */
  copies(): Promise<readonly string[]>
  /** Forgets in a record that the copy was sent, as a crash in between would have it. */
  loseCopy(id: string, stamp: string): Promise<void>
  /** Another hub over the same bucket, which has read what is open. */
  hub(): Promise<FanOuts>
  /** What Keptn was told, in order: `deployment.finished`. */
  told(): Promise<readonly StoredMessage[]>
  /** Sequences of copies that were taken back. */
  readonly takenBack: readonly number[]
}

export async function openFanOuts(t: ExecutionContext): Promise<OpenFanOuts> {
  const server = await natsServer({ jetstream: true })
  const side = await connectedSide(server.url, { side: 'gateway' })
  const publisher = new Publisher(side)
  publisher.start()
  const store = new Store(side)
  const wayIn = new WayIn({ store, publisher, dedupeWindowMs: DAY })
  await wayIn.open()
  const age = { maxAgeMs: DAY, duplicateWindowMs: DAY, replicas: 1 }
  await store.ensureStream({ name: 'ANSWERS', subjects: ['answers'], ...age })
  const copies = new Copies({
    scope: SCOPE,
    home: { geo: 'eu', stamp: 'core' },
    topology,
    border: openBorder(),
    publisher,
  })
  const subjects = [directionPattern(SCOPE, 'down')]
  await store.ensureStream({ name: copies.stream, subjects, ...age })
  const bucket = await Bucket.open<FanOut | TargetRecord | EndedFanOut>(store, {
    name: 'fanout',
    ttlMs: DAY,
    replicas: 1,
  })
  const hubs: FanOuts[] = []
  const takenBack: number[] = []
  const drained = new Set<string>()
  const keptn: OpenFanOuts['keptn'] = { isPaused: false, asked: 0 }
  t.teardown(async () => {
    await Promise.all(hubs.map((hub) => hub.stop()))
    publisher.stop()
    await side.close()
    await server[Symbol.asyncDispose]()
  })
  const emitter = new AggregateEmitter({
    wayIn,
    hubStore: store,
    answers: 'ANSWERS',
    home: 'core',
    maxPayloadBytes: () => side.maxPayloadBytes,
  })
  return {
    takenBack,
    drained,
    keptn,
    async copies() {
      const stored = await readStream(side.connection, copies.stream)
      return stored.map(({ subject }) => subject.split('.')[6] ?? '')
    },
    async loseCopy(id, stamp) {
      const key = `target.${id}.${stamp}`
      const entry = await bucket.get(key)
      if (entry === undefined) throw new Error(`no record of ${stamp}`)
      const { copy: _, ...record } = entry.value as TargetRecord
      await bucket.update(key, record, entry.revision)
    },
    async hub() {
      const hub = new FanOuts({
        store: new FanOutStore(bucket),
        emitter,
        copies,
        pauses: new PauseWatch({
          isPaused: () => {
            keptn.asked += 1
            if (keptn.isPaused !== 'silent') return Promise.resolve(keptn.isPaused)
            return Promise.reject(new SignetError('SIGNET_API_UNREACHABLE', 'no answer'))
          },
          now: Date.now,
          log: silent,
          metrics: new Metrics(),
        }),
        presence: {
          online: () => true,
          onNats: () => true,
          onlineSince: () => 0,
          drained: (stamp) => drained.has(stamp),
        },
        takeBack: (sequence) => {
          takenBack.push(sequence)
          return Promise.resolve()
        },
        now: Date.now,
        log: silent,
        metrics: new Metrics(),
      })
      hubs.push(hub)
      await hub.load()
      hub.ready()
      return hub
    },
    told: () => readStream(side.connection, 'SIGNET_IN'),
  }
}

/** An answer with its time. */
export function answer(kind: 'started' | 'finished', stamp: string, result = 'pass'): Answer {
  const facts = { eventId: `${stamp}-${kind}`, source: 'helm', at: Date.now(), seq: 1 }
  if (kind === 'started') return { kind, ...facts }
  return { kind, ...facts, result, status: 'succeeded', message: '' }
}
