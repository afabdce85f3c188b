import test from 'ava'
import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import type { RoutePolledInput } from '../../src/domain/polled-turn.ts'
import { begunHere, progressType, routePolled } from '../../src/domain/polled-turn.ts'
import type { ControlPlane, Stamp } from '../../src/domain/topology.ts'
import { wants } from '../support/https-stamp.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { topology } from '../support/stamp-agent.ts'

const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'

function read(event: object): KeptnEvent {
  const parsed = parseEvent(JSON.stringify(event))
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

function judged(event: object, over: Partial<RoutePolledInput> = {}) {
  const [stamp] = topology().stamps as [Stamp]
  const [controlPlane] = topology().controlPlanes as [ControlPlane]
  return routePolled({
    topology: topology(),
    controlPlane,
    stamp,
    integrations: [wants(['sh.keptn.>'])],
    event: read(event),
    ...over,
  })
}

test('a task of this stamp waits for its turn, and a notice does not', (t) => {
  t.is(judged(eventOf(DEPLOYMENT)), 'fan-out')
  t.is(judged(eventOf(NOTICE)), 'take')
  t.is(judged(eventOf('sh.keptn.event.dev.delivery.triggered')), 'take')
})

test('what is not for this stamp is left, whoever shows it', (t) => {
  const data = { project: 'shop', service: 'cart' }
  t.is(judged(eventOf(DEPLOYMENT, {}, { ...data, stage: 'prod' })), 'leave', 'a stage of nobody')
  t.is(judged(eventOf(DEPLOYMENT, {}, { labels: { 'signet-stamp': 'eu-2' } })), 'leave', 'a label')
  t.is(judged(eventOf(WRAPPED_ANSWER_TYPE)), 'leave', 'an answer on its way')
  const elsewhere = { ...(topology().stamps[0] as Stamp), ring: 'broad' }
  const other = { ...topology(), stamps: [elsewhere] }
  t.is(judged(eventOf(DEPLOYMENT), { topology: other, stamp: elsewhere }), 'leave', 'a ring')
  const nobody = [wants([NOTICE])]
  t.is(judged(eventOf(DEPLOYMENT), { integrations: nobody }), 'leave', 'nobody wants it')
  const none = { ...topology().tasks.default, select: 'none' as const }
  const tasks = { default: none, named: {} }
  t.is(judged(eventOf(DEPLOYMENT), { topology: { ...topology(), tasks } }), 'leave', 'select: none')
})

test('a stamp that no ring file lists is judged by where it stands', (t) => {
  const bare = { ...topology(), stamps: [] }
  t.is(judged(eventOf(DEPLOYMENT), { topology: bare }), 'fan-out')
})

test('only the hub names who has begun, and only by true', (t) => {
  const type = progressType(DEPLOYMENT)
  t.is(type, 'sh.keptn.event.deployment.status.changed')
  const said = (over: object, begun: unknown) =>
    begunHere(
      read(
        eventOf(
          type,
          { source: 'signet', triggeredid: 'T', ...over },
          { signet: { deployment: { begun } } },
        ),
      ),
      'eu-1',
    )
  t.is(said({}, { 'eu-2': true, 'eu-1': true }), 'T')
  t.is(said({}, { 'eu-2': true }), undefined)
  t.is(said({}, { 'eu-1': 'true' }), undefined)
  t.is(said({}, undefined), undefined)
  t.is(said({ source: 'worker' }, { 'eu-1': true }), undefined)
  t.is(said({ triggeredid: '' }, { 'eu-1': true }), undefined)
  t.is(said({ type: 'sh.keptn.event.deployment.started' }, { 'eu-1': true }), undefined)
  t.is(begunHere(read(eventOf(type, { source: 'signet', triggeredid: 'T' })), 'eu-1'), undefined)
})
