import test from 'ava'
import type { Delivery, DeliverySource } from '../../src/links/delivery.ts'
import { ALWAYS } from '../../src/links/term.ts'
import type { Job } from '../../src/runtime/pump.ts'
import { Pump } from '../../src/runtime/pump.ts'
import { eventually } from '../support/eventually.ts'

interface Script {
  readonly source: DeliverySource
  /** What became of each delivery, in order: `ack 1`, `back 2`, `working 3`. */
  readonly settled: string[]
  hand(sequence: number, key: string, storedAt?: number): void
}

/** A consumer that hands out what the test says. */
function script(): Script {
  const settled: string[] = []
  const ready: Delivery[] = []
  let wake: () => void = () => undefined
  const state = { isStopped: false }
  return {
    settled,
    hand(sequence, key, storedAt = 1) {
      ready.push({
        subject: key,
        body: new Uint8Array(10),
        header: () => undefined,
        sequence,
        storedAt,
        attempt: 1,
        pending: 0,
        ack: () => settled.push(`ack ${sequence}`),
        working: () => settled.push(`working ${sequence}`),
      })
      wake()
    },
    source: {
      stop: () => {
        state.isStopped = true
        wake()
      },
      giveBack: ({ sequence }) => settled.push(`back ${sequence}`),
      close: () => Promise.resolve(),
      async *[Symbol.asyncIterator]() {
        while (!state.isStopped) {
          const next = ready.shift()
          if (next !== undefined) yield next
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      },
    },
  }
}

function pump({ source }: Script, prepare: (delivery: Delivery) => Job, ackWaitMs = 60_000): Pump {
  return new Pump({
    name: 'test',
    direction: 'down',
    open: () => Promise.resolve(source),
    prepare,
    inFlight: 2,
    ackWaitMs,
    right: ALWAYS,
    onTrouble: () => undefined,
  })
}

function door() {
  let open: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  opened.catch(() => undefined)
  return { open, fail, opened }
}

test('deliveries that are parked do not stop those of other keys', async (t) => {
  const it = script()
  const { open, opened } = door()
  const under = pump(it, ({ subject }) => ({
    key: subject,
    work: (park) => (subject === 'free' ? Promise.resolve() : park(opened)),
  }))
  under.start()
  for (let sequence = 1; sequence <= 6; sequence += 1) it.hand(sequence, `held-${sequence}`)
  it.hand(7, 'free')
  await eventually('the free one is acknowledged', () => it.settled.includes('ack 7'))
  t.deepEqual(it.settled, ['ack 7'])
  t.is(under.held, 6)
  open()
  await eventually('all are acknowledged', () => it.settled.length === 7)
  await under.drain()
})

test('deliveries that wait without parking do stop the others', async (t) => {
  const it = script()
  const { open, opened } = door()
  const under = pump(it, ({ subject }) => ({
    key: subject,
    work: () => (subject === 'free' ? Promise.resolve() : opened),
  }))
  under.start()
  for (const [index, key] of ['held-1', 'held-2', 'free'].entries()) it.hand(index + 1, key)
  await eventually('two are held', () => under.held === 2)
  await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(it.settled, [])
  open()
  await under.drain()
})

test('the ack wait of what is parked is renewed', async (t) => {
  const it = script()
  const { open, opened } = door()
  const under = pump(it, ({ subject }) => ({ key: subject, work: (park) => park(opened) }), 30)
  under.start()
  it.hand(1, 'held')
  await eventually('it said twice that it works', () => it.settled.length >= 2)
  open()
  await under.drain()
  t.deepEqual(it.settled.slice(0, 2), ['working 1', 'working 1'])
  t.is(it.settled.at(-1), 'ack 1')
})

test('a delivery that is handed out again while it is held is not worked on twice', async (t) => {
  const it = script()
  const { open, opened } = door()
  const worked: number[] = []
  const under = pump(it, ({ sequence }) => ({
    key: 'context',
    work: async (park) => {
      await park(opened)
      worked.push(sequence)
    },
  }))
  under.start()
  for (const sequence of [1, 2, 1, 2, 1, 2]) it.hand(sequence, 'context')
  // The same sequence of a stream that was made anew is another message.
  it.hand(2, 'context', 2)
  await eventually('all were looked at', () => under.held === 2)
  open()
  await eventually('three are acknowledged', () => it.settled.length === 3)
  it.hand(1, 'context')
  await eventually('four are acknowledged', () => it.settled.length === 4)
  await under.drain()
  t.deepEqual(worked, [1, 2, 2, 1])
  t.deepEqual(it.settled, ['ack 1', 'ack 2', 'ack 2', 'ack 1'])
})

test('a drain hands back what is parked as soon as its wait is given up', async (t) => {
  const it = script()
  const { fail, opened } = door()
  const under = pump(it, ({ subject }) => ({ key: subject, work: (park) => park(opened) }))
  under.start()
  it.hand(1, 'held')
  await eventually('it is held', () => under.held === 1)
  const drained = under.drain()
  fail(new Error('stopped'))
  await drained
  t.deepEqual(it.settled, ['back 1'])
  t.is(under.held, 0)
})
