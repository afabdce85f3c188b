import test from 'ava'
import { createHash } from 'node:crypto'
import type { Registration } from '../../src/demo/keptn/registration.ts'
import { Uniform } from '../../src/demo/keptn/uniform.ts'

function registration(over: {
  name?: string
  namespace?: string
  hostname?: string
  stage?: string
  version?: string
  subscriptions?: Registration['subscriptions']
}): Registration {
  const { name = 'helm', namespace = 'ns', hostname = 'node', stage = 'dev', version = '1' } = over
  const event = 'sh.keptn.event.deployment.triggered'
  const filter = { projects: [], stages: [stage], services: [] }
  return {
    id: '',
    name,
    metadata: {
      hostname,
      integrationversion: version,
      distributorversion: '1',
      location: 'here',
      kubernetesmetadata: { namespace, podname: 'p', deploymentname: name },
      lastseen: '',
    },
    subscriptions:
      over.subscriptions === undefined ? [{ id: '', event, filter }] : over.subscriptions,
  }
}

function uniform() {
  let ms = Date.parse('2024-01-01T00:00:00Z')
  let ids = 0
  return {
    it: new Uniform(
      () => ms,
      () => `id-${(ids += 1)}`,
    ),
    pass: (by: number) => {
      ms += by
    },
  }
}

test('a new integration gets the SHA-1 of its identity, and its subscriptions get ids', (t) => {
  const { it } = uniform()
  const id = createHash('sha1').update('helm-ns-node').digest('hex')
  t.deepEqual(it.register(registration({})), { code: 201, id })
  t.is(it.get(id)?.subscriptions?.[0]?.id, 'id-1')
})

test('the same name and namespace elsewhere is the same integration, and its filter is lost', (t) => {
  const { it } = uniform()
  const first = it.register(registration({}))
  const second = it.register(registration({ hostname: 'other', stage: 'prod', version: '2' }))
  t.like(second, { code: 200, id: 'id' in first ? first.id : '' })
  const [stored, ...more] = it.list({})
  t.deepEqual(more, [])
  t.deepEqual(stored?.subscriptions?.[0]?.filter.stages, ['dev'])
  t.like(stored?.metadata, { hostname: 'node', integrationversion: '2' })
})

test('another namespace is another integration', (t) => {
  const { it } = uniform()
  it.register(registration({}))
  t.is(it.register(registration({ namespace: 'ns.eu-1' })).code, 201)
  t.is(it.list({}).length, 2)
})

test('an incomplete identity is refused, unless an empty name finds somebody else', (t) => {
  const { it } = uniform()
  t.is(it.register(registration({ hostname: '' })).code, 400)
  t.is(it.register(registration({ name: '' })).code, 400)
  it.register(registration({}))
  t.is(it.register(registration({ name: '' })).code, 200)
})

test('subscriptions are adopted, without ids, where the stored list is empty', (t) => {
  const { it } = uniform()
  it.register(registration({ subscriptions: [] }))
  it.register(registration({}))
  t.is(it.list({})[0]?.subscriptions?.[0]?.id, '')
})

test('several known integrations are merged into the one that was seen last', (t) => {
  const { it, pass } = uniform()
  it.register(registration({ namespace: 'a' }))
  pass(1)
  const newest = it.register(registration({ namespace: 'b' }))
  pass(1)
  // Without a namespace, the name alone finds both.
  t.like(it.register(registration({ namespace: '' })), {
    code: 200,
    id: 'id' in newest ? newest.id : '',
  })
  const merged = it.get('id' in newest ? newest.id : '')
  t.deepEqual(
    merged?.subscriptions?.map(({ id }) => id),
    ['id-2', 'id-1'],
  )
})

test('what is not pinged expires, and what is comes through', (t) => {
  const { it, pass } = uniform()
  const kept = it.register(registration({}))
  it.register(registration({ name: 'gone' }))
  pass(900)
  it.ping('id' in kept ? kept.id : '')
  pass(200)
  it.expire(1000)
  t.deepEqual(
    it.list({}).map(({ name }) => name),
    ['helm'],
  )
  t.is(it.ping('unknown'), undefined)
})

test('deleting a subscription of nobody leaves an empty document that never expires', (t) => {
  const { it, pass } = uniform()
  t.false(it.deleteSubscription('nobody', 's'))
  pass(1e9)
  it.expire(1000)
  t.deepEqual(
    it.list({}).map(({ id }) => id),
    ['nobody'],
  )
})
