import { randomBytes } from 'node:crypto'
import test from 'ava'
import { deliver } from '../support/delivery.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'
import { eventOf } from '../support/keptn-event.ts'
import { json, LoopbackHttp } from '../support/loopback-http.ts'
import { rawCall } from '../support/raw-http.ts'

/** A span as OTLP over HTTP brings it, with the stamp that it is from. */
interface Received {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly stamp: string
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Received, 'stamp'>[] }[]
  }[]
}

/** What a collector has got so far. */
function spansOf(collector: LoopbackHttp): readonly Received[] {
  return collector.came.flatMap(({ body }) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ resource, scopeSpans }) => {
      const stamp = resource.attributes.find(({ key }) => key === 'signet.stamp')?.value
      return scopeSpans.flatMap(({ spans }) =>
        spans.map((span) => ({ ...span, stamp: stamp?.stringValue ?? '' })),
      )
    }),
  )
}

test('what all agents do with a delivery is one trace, that of its context or of its traceparent', async (t) => {
  t.timeout(120_000)
  await using collector = await LoopbackHttp.start((_, response) => {
    json(response, 200, {})
  })
  await using services = await LoopbackHttp.start((_, response) => {
    json(response, 200, [])
  })
  await using rig = await startRig({
    stamps: stampsIn(['eu', 'us'], ['a', 'b']),
    environment: {
      SIGNET_OTLP_ENDPOINT: collector.url,
      SIGNET_KEPTN_SERVICES: `shipyard-controller=${services.url}`,
    },
  })
  await rig.startKeptn()
  await rig.startAgents()
  await rig.startIntegrations()
  const where = (spans: readonly Received[]) =>
    [...new Set(spans.map(({ name, stamp }) => `${name} ${stamp}`))].toSorted((a, b) =>
      a.localeCompare(b),
    )
  const whole = [
    `aggregate ${HOME}`,
    `answer ${HOME}`,
    'collect a',
    'collect b',
    'deliver a',
    'deliver b',
    `route ${HOME}`,
  ]
  const trace = (traceId: string) =>
    eventually(
      () => {
        const spans = spansOf(collector).filter((span) => span.traceId === traceId)
        return whole.every((each) => where(spans).includes(each)) && spans
      },
      30_000,
      `the whole of trace ${traceId} has come`,
    )

  const { context, view } = await deliver(rig)
  t.is(view.outcome?.result, 'pass')
  const ofContext = await trace(context.replaceAll('-', ''))
  const aggregate = ofContext.find(({ name }) => name === 'aggregate')
  t.is(aggregate?.parentSpanId ?? '', '')
  for (const name of ['deliver', 'collect', 'answer'])
    t.true(
      ofContext.some((it) => it.name === name && it.parentSpanId === aggregate?.spanId),
      `${name} belongs to the fan-out`,
    )
  t.is(new Set(ofContext.map(({ spanId }) => spanId)).size, ofContext.length)

  // The integrations answer without it, as many do.
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  const type = 'sh.keptn.event.deployment.triggered'
  const triggered = eventOf(type, { traceparent: `00-${traceId}-${spanId}-01` })
  await rig.publish(HOME, type, JSON.stringify(triggered))
  const given = await trace(traceId)
  t.is(given.find(({ name }) => name === 'aggregate')?.parentSpanId, spanId)

  // Not to be recorded, says whoever began it.
  const unsampled = randomBytes(16).toString('hex')
  const quiet = eventOf(type, { traceparent: `00-${unsampled}-${spanId}-00` })
  await rig.publish(HOME, type, JSON.stringify(quiet))
  const isAnswered = async () =>
    (await rig.stored('up')).some(({ body }) => Buffer.from(body).includes(quiet.id))
  await eventually(isAnswered, 30_000, 'it is answered all the same')

  const called = randomBytes(16).toString('hex')
  const url = await rig.agent('a').url('services')
  const asked = await rawCall(url, {
    target: '/v1/project',
    host: 'shipyard-controller:8080',
    headers: ['traceparent', `00-${called}-${spanId}-01`],
  })
  t.is(asked.status, 200)
  const ends = await eventually(
    () => {
      const spans = spansOf(collector).filter((span) => span.traceId === called)
      return spans.length === 2 && spans
    },
    30_000,
    'both ends of the call have come',
  )
  t.deepEqual(where(ends), ['tunnel entry a', `tunnel exit ${HOME}`])
  for (const { parentSpanId } of ends) t.is(parentSpanId, spanId)

  await Promise.all(rig.federation.agents.map((agent) => agent.stop()))
  t.deepEqual(
    spansOf(collector).filter((span) => span.traceId === unsampled),
    [],
  )
  t.true(collector.came.every(({ path }) => path === '/v1/traces'))
})
