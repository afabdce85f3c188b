import { z } from 'zod'
import { DURATION_PATTERN } from './duration.ts'
import { integrationsSchema } from './integrations-schema.ts'
import type { Setting, SettingTable } from './setting.ts'
import { settingGroups } from './settings-schema.ts'
import { flagName } from './settings-source.ts'
import type { Kind } from './topology-schema.ts'
import { API_VERSION, KINDS, schemaOf } from './topology-schema.ts'

/** What docs/configuration.md and docs/topology.schema.json say, made from the schemas themselves. */

interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: string
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly anyOf?: readonly JsonSchema[]
}

/** The JSON Schema of topology files, for editors. */
export function topologyJsonSchema(): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A document of a Signet topology',
    description: `Made by \`npm run docs\` from src/config/topology-schema.ts. One of the kinds ${KINDS.join(', ')}.`,
    type: 'object',
    required: ['apiVersion', 'kind'],
    properties: { apiVersion: { const: API_VERSION }, kind: { enum: KINDS } },
    // Not oneOf: an editor then tells the mistakes of the kind meant, and not of all three.
    allOf: KINDS.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // The word is JSON Schema's, and nobody awaits it.
      // oxlint-disable-next-line unicorn/no-thenable
      then: jsonSchemaOf(kind),
    })),
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

/** docs/configuration.md: every setting and every key of a topology file. */
export function configurationPage(): string {
  return [
    '# Configuration',
    '',
    '<!-- Made by `npm run docs` from src/config; a test fails when it is stale. -->',
    '',
    'Signet is told two things: the [settings](#settings) of one agent, and the [topology](#topology-files) that all agents share.',
    '',
    '## Settings',
    '',
    'A setting is looked up as flag, then in the environment, then in the settings file (YAML; `--config FILE` or `SIGNET_CONFIG`), and else has its default. An empty value counts as none. Of several variables the first that is set counts. The name in the file is nested at its dots (`gateway.url` is `url` under `gateway`); as a flag `gateway.tlsCa` is `--gateway-tls-ca`. Secrets have no flag, for every user of a machine sees the flags. Unknown keys in the file are errors, and everything that is wrong is reported at once (exit code 2).',
    '',
    'While the agent runs, it notices a change of the settings file and of the topology ([operations](operations.md#changing-topology-and-settings)). Of the settings, those that say so below take effect at once; for the others the agent says which ones wait for its next start.',
    '',
    'Durations are whole numbers with units, larger ones first: `500ms`, `30s`, `5m`, `1h30m`, `7d`.',
    ...settingGroups.flatMap(({ title, table }) => settingSection(title, table)),
    ...integrationsSection(),
    '',
    '## Topology files',
    '',
    `A folder (\`SIGNET_TOPOLOGY\`), in which Signet reads every \`*.yaml\` and \`*.yml\`, below it too, but nothing hidden. A file may hold several documents, divided by \`---\`. Each has \`apiVersion: ${API_VERSION}\` and a \`kind\`. Names of files and folders mean nothing. \`signet topology check\` reports everything that is wrong, with file, line and column. [topology.schema.json](topology.schema.json) is for editors, and [topology/](../topology/README.md) an example.`,
    '',
    'Names are lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit. In a glob `*` stands for any text, also none.',
    ...KINDS.flatMap(kindSection),
    '',
  ].join('\n')
}

function settingSection(title: string, table: SettingTable): readonly string[] {
  const head = [
    '',
    `### ${title}`,
    '',
    '| variable | name in the file | form | default | |',
    '| --- | --- | --- | --- | --- |',
  ]
  return head.concat(Object.values(table).map(settingRow))
}

function integrationsSection(): readonly string[] {
  const schema = z.toJSONSchema(integrationsSchema, { io: 'input' }) as JsonSchema
  return [
    '',
    '### Integrations with a recipient',
    '',
    'A settings file may list, under `integrations`, what has only topics and a recipient: no client of Keptn, and no distributor beside it. The agent registers each, keeps it alive, and posts it its events. What it subscribes to is what its registration says; the keys here are what it begins with, and later changes belong into the Keptn Bridge. Where its registration does not exist yet, or was removed, these keys count again. The variables of a [distributor](#in-place-of-a-distributor) describe one more.',
    '',
    '| key | form | default | |',
    '| --- | --- | --- | --- |',
    ...keyRows(schema, ''),
  ]
}

function kindSection(kind: Kind): readonly string[] {
  const schema = jsonSchemaOf(kind)
  const head = [
    '',
    `### ${kind}`,
    '',
    schema.description ?? '',
    '',
    '| key | form | default | |',
    '| --- | --- | --- | --- |',
  ]
  return head.concat(keyRows(schema, ''))
}

function jsonSchemaOf(kind: Kind): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(schemaOf[kind], {
    io: 'input',
    target: 'draft-07',
    override: ({ jsonSchema }) => {
      // That a number is exact goes without saying.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    },
  })
  return schema as JsonSchema
}

function settingRow(setting: Setting<unknown>): string {
  const { name, variables, reader, sentence, isSecret, isLive } = setting
  const note = [
    sentence,
    ...(isSecret === true ? ['Secret: no flag.'] : []),
    ...(isLive === true ? ['A change in the file takes effect at once.'] : []),
  ].join(' ')
  return row([
    variables.map(code).join(', else '),
    isSecret === true ? code(name) : `${code(name)}, ${code(flagName(name))}`,
    reader.kind,
    shownDefault(setting.default),
    note,
  ])
}

function keyRows(schema: JsonSchema, prefix: string): readonly string[] {
  const { properties = {}, required = [] } = schema
  const rows: string[] = []
  for (const [key, inner] of Object.entries(properties)) {
    const path = `${prefix}${key}`
    const fallback = required.includes(key) ? 'required' : shownDefault(inner.default)
    rows.push(row([code(path), formOf(inner), fallback, inner.description ?? '']))
    rows.push(...innerRows(inner, path))
  }
  return rows
}

function innerRows(schema: JsonSchema, path: string): readonly string[] {
  const { items, additionalProperties } = schema
  if (schema.properties !== undefined) return keyRows(schema, `${path}.`)
  if (items?.properties !== undefined) return keyRows(items, `${path}[].`)
  if (typeof additionalProperties === 'object' && additionalProperties.properties !== undefined)
    return keyRows(additionalProperties, `${path}.NAME.`)
  return []
}

function formOf(schema: JsonSchema): string {
  const { type, items, anyOf, additionalProperties } = schema
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ')
  if (schema.pattern === DURATION_PATTERN.source) return 'duration'
  if (anyOf !== undefined) return anyOf.map(formOf).join(' or ')
  if (type === 'array') return items?.properties === undefined ? 'list of text' : 'list'
  if (type === 'integer') return 'number'
  if (type !== 'object') return 'text'
  return typeof additionalProperties === 'object' ? 'keys by name' : 'keys'
}

function shownDefault(value: unknown): string {
  if (value === undefined || value === '') return ''
  return code(typeof value === 'string' ? value.replaceAll(',', ', ') : JSON.stringify(value))
}

function code(text: string): string {
  return `\`${text}\``
}

function row(cells: readonly string[]): string {
  const escaped = cells.map((cell) => cell.replaceAll('|', String.raw`\|`))
  return `| ${escaped.join(' | ')} |`.replace(/ {2,}/g, ' ')
}
