import { JetStreamApiError } from '@nats-io/jetstream'
import test from 'ava'
import { withReplicas } from '../../src/links/replicas.ts'

function refusing(code: number) {
  const asked: number[] = []
  const make = (replicas: number): Promise<number> => {
    asked.push(replicas)
    if (replicas === 1) return Promise.resolve(1)
    return Promise.reject(new JetStreamApiError({ code: 500, err_code: code, description: 'no' }))
  }
  return { asked, make }
}

test('a server that is no cluster keeps one copy', async (t) => {
  const { asked, make } = refusing(10_074)
  t.is(await withReplicas('most', make), 1)
  t.deepEqual(asked, [3, 1])
})

test('a cluster without a leader, or of too few servers now, is waited for', async (t) => {
  for (const code of [10_005, 10_008]) {
    const { asked, make } = refusing(code)
    await t.throwsAsync(withReplicas('most', make), { instanceOf: JetStreamApiError })
    t.deepEqual(asked, [3])
  }
})
