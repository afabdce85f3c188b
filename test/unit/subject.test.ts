import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import {
  inboundSubject,
  inboundTail,
  keptnSubject,
  linkPattern,
  linkTails,
  linkSubject,
  parseLinkSubject,
  parsePresenceSubject,
  presenceSubject,
  subjectMatches,
  tailOf,
} from '../../src/domain/subject.ts'
import { isName } from '../../src/domain/name.ts'
import { isSignetError } from '../../src/errors.ts'

const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/)
const token = fc.stringMatching(/^[A-Za-z0-9_\-$äß😀]{1,12}$/u)
const tail = fc.array(token, { minLength: 1, maxLength: 6 }).map((tokens) => tokens.join('.'))
const place = fc.record({ geo: name, ring: name, stamp: name })
const scope = fc.record({ federation: name, controlPlane: name })

testProp('a tail comes back from its Keptn subject and from its way in', [tail], (t, it) => {
  t.is(tailOf(keptnSubject(it)), it)
  t.is(inboundTail(inboundSubject(it)), it)
})

testProp(
  'a link subject comes back whole, and its own pattern alone matches it',
  [scope, fc.constantFrom('down' as const, 'up' as const), place, place, tail],
  (t, it, direction, here, there, rest) => {
    const subject = linkSubject(it, direction, here, rest)
    t.deepEqual(parseLinkSubject(subject), { scope: it, direction, place: here, tail: rest })
    t.true(subjectMatches(linkPattern(it, direction, here), subject))
    const same = here.geo === there.geo && here.stamp === there.stamp
    t.is(subjectMatches(linkPattern(it, direction, there), subject), same)
    t.is(linkTails(it, direction, there)(subject), same ? rest : undefined)
    // A stamp that was moved to another ring is still the same.
    const moved = { ...here, ring: there.ring }
    t.is(linkTails(it, direction, moved)(subject), rest)
  },
)

testProp('a presence subject comes back as its place', [scope, place], (t, it, here) => {
  t.deepEqual(parsePresenceSubject(presenceSubject(it, here)), here)
})

testProp('no text makes a parser of subjects throw', [fc.string()], (t, text) => {
  t.notThrows(() => [
    parseLinkSubject(text),
    parsePresenceSubject(text),
    tailOf(text),
    isName(text),
  ])
})

testProp('a pattern without wildcards matches only itself', [tail, tail], (t, one, other) => {
  t.is(subjectMatches(one, other), one === other)
})

test('wildcards match as NATS has it', (t) => {
  t.true(subjectMatches('sh.keptn.>', 'sh.keptn.event.x'))
  t.false(subjectMatches('sh.keptn.>', 'sh.keptn'))
  t.true(subjectMatches('sh.*.event', 'sh.keptn.event'))
  t.false(subjectMatches('sh.*', 'sh.keptn.event'))
  t.false(subjectMatches('sh.*.event.x', 'sh.keptn.event'))
})

test('what is no tail is refused', (t) => {
  for (const bad of ['', 'a..b', 'a.*', '>', 'a b', '.a', 'a.', 'a\nb']) {
    const error = t.throws(() => keptnSubject(bad))
    t.true(isSignetError(error, 'SIGNET_SUBJECT_INVALID'), bad)
  }
  t.is(tailOf('other.event.x'), undefined)
  t.is(tailOf('sh.keptn.'), undefined)
})
