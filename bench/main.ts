import { parseArgs } from 'node:util'
import { SignetError } from '../src/errors.ts'
import type { FanOutOptions } from './fanout.ts'
import { fanout } from './fanout.ts'
import type { ForwardOptions } from './forward.ts'
import { forward } from './forward.ts'
import type { PollBenchOptions } from './poll.ts'
import { poll } from './poll.ts'
import type { StoreOptions } from './store.ts'
import { store } from './store.ts'
import type { TakeoverOptions } from './takeover.ts'
import { takeover } from './takeover.ts'
import type { TunnelOptions } from './tunnel.ts'
import { tunnel } from './tunnel.ts'

// `npm run bench -- NAME`: the report as JSON on stdout, progress on stderr. Exit 0 done, 1 failed, 2 usage.

const USAGE = `usage: npm run bench -- <benchmark> [options]

benchmarks:
  forward   events from Keptn's stream through hub and stamp, beside a bare JetStream copy loop
  fanout    one task to ever more simulated stamps, beside the bare publishes of what it stores
  tunnel    calls to a service at home from a stamp of another geo, beside the same calls made directly
  poll      what stamps with an https link ask of Keptn's API, beside what distributors would
  takeover  leaders killed under load, beside what JetStream alone takes to redeliver
  store     disk and memory that an event costs in each store on its way, beside Keptn's own stream

options of forward:
  --events N      events through each hop, in all rounds together (default 100000)
  --rounds N      how often each hop is measured; the report has the medians (default 3)
  --in-flight N   events worked on at once, by the agents and by the copy loop (default 256)
  --body BYTES    size of an event (default 1300)

options of fanout:
  --stamps N,...  how many stamps, one after the other (default 10,50,100,250,500)
  --answers N     answers of stamps that are measured for each number (default 2500)

options of poll:
  --stamps N          (default 100)
  --integrations N    of each stamp (default 5)
  --subscriptions N   of each integration, each of a type of its own (default 2)
  --interval MS       how long an interval of 10 s takes here (default 2500)
  --intervals N       how many are counted (default 30)

options of tunnel:
  --calls N       small calls of each kind, in all rounds together (default 2000)
  --rounds N      how often direct and tunnel take turns (default 4)
  --in-flight N   calls at once where calls a second are measured (default 32)
  --body BYTES    size of a large body (default 40000000)

options of takeover:
  --kills N       of the leader of a stamp and of the hub, by turns (default 10)
  --agents N      of each stamp (default 3)
  --rate N        events a second (default 100)

options of store:
  --events N      how many pass (default 200000)
  --body BYTES    size of an event (default 1300)

options of all:
  --json-only     no progress
`

const DEFAULTS: ForwardOptions = { events: 100_000, rounds: 3, inFlight: 256, bodyBytes: 1_300 }
const FANOUT_DEFAULTS: FanOutOptions = { stamps: [10, 50, 100, 250, 500], answers: 2_500 }
const TUNNEL_DEFAULTS: TunnelOptions = {
  calls: 2_000,
  rounds: 4,
  atOnce: 32,
  bodyBytes: 40_000_000,
}
const POLL_DEFAULTS: PollBenchOptions = {
  stamps: 100,
  integrations: 5,
  subscriptions: 2,
  intervalMs: 2_500,
  intervals: 30,
}
const TAKEOVER_DEFAULTS: TakeoverOptions = { kills: 10, agents: 3, rate: 100 }
const STORE_DEFAULTS: StoreOptions = { events: 200_000, inFlight: 256, bodyBytes: 1_300 }
/** An event's envelope alone takes most of the least; the most leaves room for headers in 1 MiB. */
const BODY_BYTES = { least: 600, most: 1_000_000 }

const OPTIONS = {
  forward: ['events', 'rounds', 'in-flight', 'body'],
  fanout: ['stamps', 'answers'],
  tunnel: ['calls', 'rounds', 'in-flight', 'body'],
  poll: ['stamps', 'integrations', 'subscriptions', 'interval', 'intervals'],
  takeover: ['kills', 'agents', 'rate'],
  store: ['events', 'body'],
} as const
const NO_NUMBERS = 'the options take whole numbers above 0'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  const plan = readArguments(args)
  if (typeof plan === 'string') {
    process.stderr.write(`${plan}\n\n${USAGE}`)
    return 2
  }
  const isShown = process.stderr.isTTY && !plan.jsonOnly
  try {
    const report = await plan.run((line) => {
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

interface Plan {
  readonly run: (progress: (line: string) => void) => Promise<object>
  readonly jsonOnly: boolean
}

type Bench = keyof typeof OPTIONS

/** What is to be run, or what is wrong with the arguments. */
function readArguments(args: readonly string[]): Plan | string {
  try {
    const known = [...new Set(Object.values(OPTIONS).flat())]
    const parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        ...Object.fromEntries(known.map((name) => [name, { type: 'string' as const }])),
        'json-only': { type: 'boolean', default: false },
      },
    })
    const values: Readonly<Record<string, unknown>> = parsed.values
    const name = parsed.positionals.join(' ')
    if (!isBench(name)) return `no benchmark "${name}"`
    const own: readonly string[] = OPTIONS[name]
    const stranger = known.find((it) => values[it] !== undefined && !own.includes(it))
    if (stranger !== undefined) return `${name} has no option --${stranger}`
    const number = (option: string, fallback: number) => count(values[option], fallback)
    const jsonOnly = values['json-only'] === true
    const run = runOf(name, number, values['stamps'])
    return typeof run === 'string' ? run : { run, jsonOnly }
  } catch (error) {
    if (error instanceof TypeError) return error.message
    throw error
  }
}

type Numbers = (option: string, fallback: number) => number

function forwardPlan(number: Numbers): Plan['run'] | string {
  const options = {
    events: number('events', DEFAULTS.events),
    rounds: number('rounds', DEFAULTS.rounds),
    inFlight: number('in-flight', DEFAULTS.inFlight),
    bodyBytes: number('body', DEFAULTS.bodyBytes),
  }
  if (Object.values(options).some(Number.isNaN)) return NO_NUMBERS
  if (options.events < options.rounds) return 'there must be an event for each round'
  return bodyTrouble(options) ?? ((progress) => forward(options, progress))
}

function runOf(name: Bench, number: Numbers, stamps: unknown): Plan['run'] | string {
  switch (name) {
    case 'forward':
      return forwardPlan(number)
    case 'fanout':
      return fanoutPlan(number, stamps)
    case 'tunnel':
      return tunnelPlan(number)
    case 'poll':
      return pollPlan(number)
    case 'takeover':
      return takeoverPlan(number)
    case 'store':
      return storePlan(number)
  }
}

function fanoutPlan(number: Numbers, stamps: unknown): Plan['run'] | string {
  const { stamps: fallback, answers } = FANOUT_DEFAULTS
  const options = {
    stamps: typeof stamps === 'string' ? stamps.split(',').map((n) => count(n, 0)) : fallback,
    answers: number('answers', answers),
  }
  if ([...options.stamps, options.answers].some(Number.isNaN)) return NO_NUMBERS
  return (progress) => fanout(options, progress)
}

function pollPlan(number: Numbers): Plan['run'] | string {
  const options = {
    stamps: number('stamps', POLL_DEFAULTS.stamps),
    integrations: number('integrations', POLL_DEFAULTS.integrations),
    subscriptions: number('subscriptions', POLL_DEFAULTS.subscriptions),
    intervalMs: number('interval', POLL_DEFAULTS.intervalMs),
    intervals: number('intervals', POLL_DEFAULTS.intervals),
  }
  if (Object.values(options).some(Number.isNaN)) return NO_NUMBERS
  return (progress) => poll(options, progress)
}

function tunnelPlan(number: Numbers): Plan['run'] | string {
  const options = {
    calls: number('calls', TUNNEL_DEFAULTS.calls),
    rounds: number('rounds', TUNNEL_DEFAULTS.rounds),
    atOnce: number('in-flight', TUNNEL_DEFAULTS.atOnce),
    bodyBytes: number('body', TUNNEL_DEFAULTS.bodyBytes),
  }
  if (Object.values(options).some(Number.isNaN)) return NO_NUMBERS
  return (progress) => tunnel(options, progress)
}

function takeoverPlan(number: Numbers): Plan['run'] | string {
  const options = {
    kills: number('kills', TAKEOVER_DEFAULTS.kills),
    agents: number('agents', TAKEOVER_DEFAULTS.agents),
    rate: number('rate', TAKEOVER_DEFAULTS.rate),
  }
  if (Object.values(options).some(Number.isNaN)) return NO_NUMBERS
  if (options.kills < 2 || options.agents < 2) return 'there must be two kills and two agents'
  return (progress) => takeover(options, progress)
}

function storePlan(number: Numbers): Plan['run'] | string {
  const options = {
    events: number('events', STORE_DEFAULTS.events),
    inFlight: STORE_DEFAULTS.inFlight,
    bodyBytes: number('body', STORE_DEFAULTS.bodyBytes),
  }
  if (Object.values(options).some(Number.isNaN)) return NO_NUMBERS
  return bodyTrouble(options) ?? ((progress) => store(options, progress))
}

function bodyTrouble({ bodyBytes }: { readonly bodyBytes: number }): string | undefined {
  return bodyBytes < BODY_BYTES.least || bodyBytes > BODY_BYTES.most
    ? `--body must be from ${BODY_BYTES.least} to ${BODY_BYTES.most}`
    : undefined
}

function isBench(name: string): name is Bench {
  return Object.hasOwn(OPTIONS, name)
}

function count(value: unknown, fallback: number): number {
  if (typeof value !== 'string') return fallback
  return /^[1-9]\d{0,8}$/.test(value) ? Number(value) : Number.NaN
}
