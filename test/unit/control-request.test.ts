import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { ControlArguments } from '../../src/domain/control-arguments.ts'
import { parseControlAnswer, parseControlRequest } from '../../src/domain/control.ts'
import {
  controlPattern,
  controlSubject,
  controlVerb,
  subjectMatches,
} from '../../src/domain/subject.ts'
import { isSignetError } from '../../src/errors.ts'

const SCOPE = { federation: 'acme', controlPlane: 'main' }
const request = { version: 1, id: 'abcdefgh', by: 'ann@host', args: { id: '1' }, cancelled: false }

test('a verb is a token of its subject, and comes back from it', (t) => {
  t.is(controlSubject(SCOPE, 'rollout-ls'), 'signet.acme.control.main.rollout-ls')
  t.is(controlVerb(SCOPE, 'signet.acme.control.main.rollout-ls'), 'rollout-ls')
  t.true(subjectMatches(controlPattern(SCOPE), controlSubject(SCOPE, 'trace')))
  for (const subject of ['signet.acme.control.other.trace', 'signet.acme.control.main.a.b', 'x'])
    t.is(controlVerb(SCOPE, subject), undefined, subject)
  for (const verb of ['', '*', 'a.b', 'Ls', 'a b'])
    t.throws(() => controlSubject(SCOPE, verb), { message: /no verb/ }, verb)
})

test('a request comes back as it was said', (t) => {
  t.deepEqual(parseControlRequest(JSON.stringify(request)), request as never)
})

test('who asks is one line, and a short one', (t) => {
  const by = `ann\n{"level":"fatal"}\u001b[31m${'x'.repeat(1_000)}`
  const read = parseControlRequest(JSON.stringify({ ...request, by }))
  // oxlint-disable-next-line no-control-regex
  t.notRegex(read?.by ?? '\n', /[\u0000-\u001f]/)
  t.true((read?.by.length ?? 1_000) <= 200)
})

test('what is no request, or no answer, is none', (t) => {
  for (const wrong of [
    { ...request, version: 2 },
    { ...request, id: 'a b' },
    { ...request, by: 1 },
    { ...request, args: [] },
    { ...request, cancelled: 'yes' },
    [],
    null,
  ])
    t.is(parseControlRequest(JSON.stringify(wrong)), undefined)
  for (const wrong of ['', '{', '{"ok":1}', '{"ok":false}', '{"ok":false,"code":1,"message":""}'])
    t.is(parseControlAnswer(wrong), undefined)
})

test('a code of a newer hub is told as one that Signet does not know', (t) => {
  const answer = parseControlAnswer('{"ok":false,"code":"SIGNET_OF_2030","message":"Hm."}')
  t.deepEqual(answer, { ok: false, code: 'SIGNET_INTERNAL', message: 'Hm.' })
})

testProp('no text makes the readers throw', [fc.oneof(fc.string(), fc.json())], (t, text) => {
  t.notThrows(() => parseControlRequest(text))
  t.notThrows(() => parseControlAnswer(text))
})

test('arguments are read by their kind, and refused by their name', (t) => {
  const args = new ControlArguments({ id: ' 1 ', since: 5, all: true, nothing: null })
  t.is(args.text('id'), '1')
  t.is(args.whole('since', 1, 9), 5)
  t.true(args.flag('all'))
  t.false(args.flag('absent'))
  t.is(args.optionalText('nothing'), undefined)
  t.is(args.optionalWhole('nowhere', 0, 1), undefined)
  t.notThrows(() => {
    args.finish()
  })
})

for (const [what, read] of [
  ['a text that is missing', (args) => args.text('none')],
  ['a text that is empty', (args) => args.text('empty')],
  ['a text that is too long', (args) => args.text('long', 5)],
  ['a text that is a number', (args) => args.text('number')],
  ['a number that is a text', (args) => args.whole('long', 0, 9)],
  ['a number out of bounds', (args) => args.whole('number', 0, 1)],
  ['a broken number', (args) => args.optionalWhole('half', 0, 1)],
  ['a flag that is none', (args) => args.flag('number')],
  ['an inherited name', (args) => args.text('constructor')],
  ['unknown arguments', (args) => args.finish()],
] as const satisfies readonly (readonly [string, (args: ControlArguments) => unknown])[]) {
  test(`refused with its name: ${what}`, (t) => {
    const args = new ControlArguments({ empty: ' ', long: 'abcdef', number: 7, half: 0.5 })
    const error = t.throws(() => read(args))
    t.true(isSignetError(error, 'SIGNET_USAGE'))
  })
}
