import test from 'ava'
import { RULE_TESTS, RULES } from '../support/watched-queries.ts'
import { promtool } from './prometheus.ts'

test.serial('promtool finds no mistake in the rules', async (t) => {
  t.regex(await promtool('check', 'rules', RULES), /SUCCESS/)
})

test.serial('every alert fires in its own failure, and none while all is well', async (t) => {
  t.regex(await promtool('test', 'rules', RULE_TESTS), /SUCCESS/)
})
