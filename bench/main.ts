import { parseArgs } from 'node:util'
import { SignetError } from '../src/errors.ts'
import type { ForwardOptions } from './forward.ts'
import { forward } from './forward.ts'

// `npm run bench -- NAME`: the report as JSON on stdout, progress on stderr. Exit 0 done, 1 failed, 2 usage.

const USAGE = `usage: npm run bench -- <benchmark> [options]

benchmarks:
  forward   events from Keptn's stream through hub and stamp, beside a bare JetStream copy loop

options of forward:
  --events N      events through each hop, in all rounds together (default 100000)
  --rounds N      how often each hop is measured; the report has the medians (default 3)
  --in-flight N   events worked on at once, by the agents and by the copy loop (default 256)
  --body BYTES    size of an event (default 1300)
  --json-only     no progress
`

const DEFAULTS: ForwardOptions = { events: 100_000, rounds: 3, inFlight: 256, bodyBytes: 1_300 }
/** An event's envelope alone takes most of the least; the most leaves room for headers in 1 MiB. */
const BODY_BYTES = { least: 600, most: 1_000_000 }

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const plan = readArguments(args)
  if (typeof plan === 'string') {
    process.stderr.write(`${plan}\n\n${USAGE}`)
    return 2
  }
  const isShown = process.stderr.isTTY && !plan.jsonOnly
  try {
    const report = await forward(plan.options, (line) => {
      if (isShown) process.stderr.write(`${line}\n`)
    })
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof SignetError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}

/** The options of a run, or what is wrong with the arguments. */
function readArguments(
  args: readonly string[],
): { options: ForwardOptions; jsonOnly: boolean } | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        events: { type: 'string' },
        rounds: { type: 'string' },
        'in-flight': { type: 'string' },
        body: { type: 'string' },
        'json-only': { type: 'boolean', default: false },
      },
    })
    if (positionals.join() !== 'forward') return `no benchmark "${positionals.join(' ')}"`
    const options = {
      events: count(values.events, DEFAULTS.events),
      rounds: count(values.rounds, DEFAULTS.rounds),
      inFlight: count(values['in-flight'], DEFAULTS.inFlight),
      bodyBytes: count(values.body, DEFAULTS.bodyBytes),
    }
    if (Object.values(options).some((value) => Number.isNaN(value)))
      return 'the options take whole numbers above 0'
    if (options.events < options.rounds) return 'there must be an event for each round'
    if (options.bodyBytes < BODY_BYTES.least || options.bodyBytes > BODY_BYTES.most)
      return `--body must be from ${BODY_BYTES.least} to ${BODY_BYTES.most}`
    return { options, jsonOnly: values['json-only'] }
  } catch (error) {
    if (error instanceof TypeError) return error.message
    throw error
  }
}

function count(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN
}
