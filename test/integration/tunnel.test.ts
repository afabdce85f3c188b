import test from 'ava'
import { randomBytes } from 'node:crypto'
import { collected } from '../../src/tunnel/tunnel-request.ts'
import { sha } from '../support/echo-service.ts'
import { TunnelRig } from '../support/tunnel-rig.ts'

const RESOURCE = '/v1/project/shop/stage/dev/service/cart/resource/'

test('a call reaches the service, and its answer comes back', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const client = await rig.client()
  const answer = await client.call({
    service: 'resource-service',
    method: 'GET',
    target: `${RESOURCE}job%252Fconfig.yaml?gitCommitID=`,
    headers: [['accept', 'application/json']],
  })
  t.is(answer.status, 200)
  t.deepEqual(JSON.parse(Buffer.from(answer.body).toString()), {
    method: 'GET',
    target: `${RESOURCE}job%252Fconfig.yaml?gitCommitID=`,
    sha: sha(Buffer.from('')),
  })
})

test('bodies of any size go up and come down whole', async (t) => {
  const rig = await TunnelRig.start(t)
  await rig.exit()
  const client = await rig.client()
  rig.service.answer = (_, response, seen) => response.end(seen.body)
  for (const bytes of [0, 1, 262_143, 262_144, 262_145, 1_000_000, 20_000_000]) {
    const body = randomBytes(bytes)
    const answer = await client.open(
      {
        service: 'resource-service',
        method: 'POST',
        target: '/v1/x',
        headers: [],
        body: {
          length: bytes,
          read: async function* () {
            yield await Promise.resolve(body)
          },
        },
      },
      AbortSignal.timeout(30_000),
    )
    t.is(sha(await collected(answer.body)), sha(body), `${bytes}`)
    const again = await client.call({
      service: 'resource-service',
      method: 'PUT',
      target: '/v1/x',
      headers: [],
      body,
    })
    t.is(sha(again.body), sha(body), `${bytes}`)
  }
})
