import type { Letter } from '../domain/dead-letter.ts'
import type { Line } from './line.ts'
import { table } from './table.ts'
import { dateAndTime } from './time.ts'

/** One line for each dead letter. */
export function letterList(letters: readonly Letter[]): readonly Line[] {
  const heads = ['LETTER', 'AT', 'STAMP', 'WAY', 'REASON', 'EVENT', 'CONTEXT'].map((head): Line => [
    ['strong', head],
  ])
  const rows = letters.map((it): readonly Line[] => [
    [['name', String(it.letter)]],
    [dateAndTime(it.at)],
    [it.stamp],
    [it.direction],
    [['wrong', it.reason]],
    [it.type.replace(/^sh\.keptn\.event\./, '') || it.subject],
    [['faint', it.context]],
  ])
  return table([heads, ...rows])
}

/** One of them, with what to do about it. */
export function letterView({
  letter,
  advice,
  body,
  bodyBase64,
  withheldHere,
  redactedHere = [],
}: {
  readonly letter: Letter
  readonly advice: string
  readonly body?: string
  readonly bodyBase64?: string
  readonly withheldHere?: string
  readonly redactedHere?: readonly string[]
}): readonly Line[] {
  const row = (label: string, text: string): readonly Line[] =>
    text === '' ? [] : [[['faint', label.padEnd(11)], text]]
  const left = [...(letter.redacted ?? []), ...redactedHere]
  const missing = letter.withheld ?? withheldHere
  return [
    ...row('letter', `${letter.letter}, set aside in ${letter.stamp} at ${dateAndTime(letter.at)}`),
    [
      ['faint', 'reason'.padEnd(11)],
      ['wrong', letter.reason],
    ],
    ...row('detail', letter.detail),
    ...row('event', [letter.type, letter.id].filter((it) => it !== '').join('  ')),
    ...row('context', letter.context),
    ...row(
      'source',
      `${letter.subject}, sequence ${letter.sequence}, on its way ${letter.direction}`,
    ),
    ...row('not for', (letter.stamps ?? []).join(', ')),
    ...row('cut', letter.cutFrom === undefined ? '' : `from ${letter.cutFrom} bytes`),
    ...row('left out', left.join(', ')),
    [],
    [advice],
    [],
    missing === undefined
      ? [body ?? `${bodyBase64 ?? ''} (base64)`]
      : [['doubtful', `Its body is not here: ${missing}.`]],
  ]
}
