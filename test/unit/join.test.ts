import test from 'ava'
import { fc, testProp } from '@fast-check/ava'
import { joinedStamp, judgePlace, withJoined } from '../../src/domain/join.ts'
import {
  joinedPlace,
  NO_STANDING,
  parseStanding,
  withDrain,
  withJoin,
  withoutDrain,
} from '../../src/domain/stamp-standing.ts'
import type { Topology } from '../../src/domain/topology.ts'

const topology = {
  rings: ['canary', 'early'],
  controlPlanes: [{ name: 'main', home: { geo: 'eu', stamp: 'eu-core' } }],
  stamps: [
    joinedStamp({ geo: 'eu', ring: 'canary', stamp: 'eu-c-2' }),
    joinedStamp({ geo: 'eu', ring: 'canary', stamp: 'eu-c-1' }),
    joinedStamp({ geo: 'us', ring: 'canary', stamp: 'us-c-1' }),
    joinedStamp({ geo: 'eu', ring: 'early', stamp: 'eu-e-1' }),
  ],
  geoRings: [
    { geo: 'eu', ring: 'canary', join: { allow: ['eu-c-*', 'eu-core'], approve: 'auto' } },
    { geo: 'us', ring: 'canary', join: { allow: ['us-c-*', 'eu-c-*'], approve: 'manual' } },
    { geo: 'us', ring: 'early' },
  ],
} as unknown as Topology

const at = (geo: string, ring: string, stamp: string) => ({ geo, ring, stamp })

test('a stamp joins where its ring allows its name, and nowhere else', (t) => {
  const judged = (geo: string, ring: string, stamp: string) =>
    judgePlace(topology, at(geo, ring, stamp))
  t.deepEqual(judged('eu', 'canary', 'eu-c-9'), { kind: 'allowed', approve: 'auto' })
  t.deepEqual(judged('us', 'canary', 'us-c-9'), { kind: 'allowed', approve: 'manual' })
  const notAllowed = { kind: 'refused', reason: 'not-allowed' } as const
  t.deepEqual(judged('eu', 'canary', 'us-c-9'), notAllowed)
  t.deepEqual(judged('eu', 'early', 'eu-c-9'), notAllowed)
  t.deepEqual(judged('us', 'early', 'us-c-9'), notAllowed)
  t.deepEqual(judged('mars', 'canary', 'eu-c-9'), notAllowed)
})

test('what ring files list comes before what they allow', (t) => {
  t.like(judgePlace(topology, at('eu', 'canary', 'eu-c-1')), { kind: 'listed' })
  // Its ring may have changed a moment ago.
  t.like(judgePlace(topology, at('eu', 'early', 'eu-c-1')), {
    kind: 'listed',
    stamp: { ring: 'canary' },
  })
  const elsewhere = judgePlace(topology, at('us', 'canary', 'eu-c-1'))
  t.deepEqual(elsewhere, { kind: 'refused', reason: 'wrong-place' })
})

test('a name is taken by a home stamp, and by one that has joined elsewhere', (t) => {
  const taken = { kind: 'refused', reason: 'name-taken' } as const
  t.deepEqual(judgePlace(topology, at('eu', 'canary', 'eu-core')), taken)
  const newcomer = at('us', 'canary', 'eu-c-9')
  t.deepEqual(judgePlace(topology, newcomer, at('eu', 'canary', 'eu-c-9')), taken)
  t.like(judgePlace(topology, newcomer, newcomer), { kind: 'allowed' })
})

test('joined stamps come after the listed ones of their ring, by name', (t) => {
  const joined = [
    at('us', 'canary', 'us-c-0'),
    at('eu', 'canary', 'eu-c-9'),
    at('eu', 'canary', 'eu-c-0'),
  ]
  t.deepEqual(
    withJoined(topology, joined).stamps.map(({ name }) => name),
    ['eu-c-2', 'eu-c-1', 'eu-c-0', 'eu-c-9', 'us-c-1', 'us-c-0', 'eu-e-1'],
  )
})

test('one that is listed by now, or no longer allowed, is not added', (t) => {
  const joined = [at('eu', 'canary', 'eu-c-1'), at('eu', 'early', 'eu-c-9')]
  t.is(withJoined(topology, joined), topology)
})

const drawnPlace = fc.record({
  geo: fc.constantFrom('eu', 'us', 'mars'),
  ring: fc.constantFrom('canary', 'early'),
  stamp: fc.constantFrom('eu-c-1', 'eu-c-7', 'us-c-7', 'eu-core', 'x'),
})

testProp(
  'no stamp belongs to a federation that neither lists nor allows it, and no name stands twice',
  [fc.uniqueArray(drawnPlace, { selector: ({ stamp }) => stamp })],
  (t, joined) => {
    const { stamps } = withJoined(topology, joined)
    t.is(new Set(stamps.map(({ name }) => name)).size, stamps.length)
    for (const { name, geo, ring } of stamps)
      t.not(judgePlace(topology, at(geo, ring, name)).kind, 'refused', name)
    t.deepEqual(
      stamps.filter(({ name }) => topology.stamps.some((it) => it.name === name)),
      topology.stamps,
      'the listed ones keep their order',
    )
  },
)

testProp(
  'the order of joined stamps does not depend on who came first',
  [
    fc
      .uniqueArray(drawnPlace, { selector: ({ stamp }) => stamp })
      .chain((places) =>
        fc.tuple(fc.constant(places), fc.shuffledSubarray(places, { minLength: places.length })),
      ),
  ],
  (t, [places, shuffled]) => {
    t.deepEqual(withJoined(topology, shuffled).stamps, withJoined(topology, places).stamps)
  },
)

const drawnStep = fc.constantFrom(
  (it: typeof NO_STANDING) => withJoin(it, at('eu', 'canary', 'a'), 'rule', 5),
  (it: typeof NO_STANDING) => withDrain(it, 7),
  withoutDrain,
)

testProp(
  'what was decided of a stamp is read as it was written, and a drain does not touch the joining',
  [fc.array(drawnStep)],
  (t, steps) => {
    let standing = NO_STANDING
    for (const step of steps) {
      const place = joinedPlace('a', standing)
      standing = step(standing)
      if (place !== undefined) t.deepEqual(joinedPlace('a', standing), place)
    }
    t.deepEqual(parseStanding(JSON.parse(JSON.stringify(standing))), standing)
  },
)

testProp('no JSON makes the reading of a standing throw', [fc.jsonValue()], (t, json) => {
  const read = parseStanding(json)
  t.true(read === undefined || read.version === 1)
})

test('who joined first stays where it is, and a second drain keeps the time of the first', (t) => {
  const first = withJoin(NO_STANDING, at('eu', 'canary', 'a'), 'rule', 5)
  t.deepEqual(withJoin(first, at('us', 'canary', 'a'), 'hand', 9), first)
  t.is(withDrain(withDrain(first, 7), 9).drainedAt, 7)
})
