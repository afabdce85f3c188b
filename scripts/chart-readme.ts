import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { CHART } from './chart-schema.ts'

/** A value of the chart, as its README has it. */
interface Row {
  readonly path: string
  readonly sentence: string
  readonly value: unknown
}

/** The README of the chart: what can be told to it, from the comments of its values. */
export async function chartReadme(): Promise<string> {
  const text = await readFile(`${CHART}/values.yaml`, 'utf8')
  const rows = valuesOf(text).map(
    ({ path, sentence, value }) =>
      `| \`${path}\` | \`${cell(JSON.stringify(value))}\` | ${cell(sentence)} |`,
  )
  return [
    '# The chart of Signet',
    '',
    '<!-- Made by `npm run docs` from values.yaml; a test fails when it is stale. -->',
    '',
    'Agents on every node of a stamp, and what they need: the hub store in the home stamp, a Keptn NATS where there is none.',
    '[Install](../../../docs/install.md) says step by step how to begin, [Keptn](../../../docs/keptn.md) what Keptn itself must be given,',
    'and [values-home.yaml](../values-home.yaml), [values-stamp.yaml](../values-stamp.yaml) and',
    '[values-stamp-https.yaml](../values-stamp-https.yaml) are examples.',
    '',
    'Values that do not go together are refused, with what to do about it. Secrets are named, never given.',
    '',
    '| value | default | |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** Every value with a comment that begins with `# --`; one below which there are such is left out. Throws for one without. */
function valuesOf(text: string): readonly Row[] {
  const values: unknown = parse(text)
  const rows: Row[] = []
  const path: { readonly name: string; readonly indent: number }[] = []
  let sentence: string | undefined
  /** A value that has its sentence covers all that is deeper. */
  let covered = Number.POSITIVE_INFINITY
  for (const line of text.split('\n')) {
    const comment = /^ *# -- (.+)$/.exec(line)
    if (comment !== null) {
      sentence = comment[1]
      continue
    }
    const [, spaces = '', name] = /^( *)([\w-]+):/.exec(line) ?? []
    if (name === undefined) continue
    const indent = spaces.length
    if (indent > covered) continue
    covered = Number.POSITIVE_INFINITY
    while ((path.at(-1)?.indent ?? -1) >= indent) path.pop()
    path.push({ name, indent })
    const names = path.map((it) => it.name)
    const value = lookUp(values, names)
    if (sentence !== undefined) {
      rows.push({ path: names.join('.'), sentence, value })
      covered = indent
    } else if (/:\s+\S/.test(line)) {
      throw new Error(`values.yaml: ${names.join('.')} has no sentence`)
    }
    sentence = undefined
  }
  return rows
}

function lookUp(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>>)[name],
    values,
  )
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
