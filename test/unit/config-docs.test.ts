import { readFile } from 'node:fs/promises'
import test from 'ava'
import { configurationPage, topologyJsonSchema } from '../../src/config/describe.ts'

test('docs/configuration.md is what the schema says', async (t) => {
  t.is(await readFile('docs/configuration.md', 'utf8'), configurationPage())
})

test('docs/topology.schema.json is what the schema says', async (t) => {
  t.is(await readFile('docs/topology.schema.json', 'utf8'), topologyJsonSchema())
})
