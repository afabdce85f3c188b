import test from 'ava'
import type { News } from '../../src/demo/demo-board.ts'
import { emptyBoard, withNews } from '../../src/demo/demo-board.ts'
import type { Line } from '../../src/view/line.ts'
import { paintLine } from '../../src/view/line.ts'
import { planDemo } from '../../src/demo/demo-plan.ts'
import { drawReport } from '../../src/demo/demo-report-view.ts'
import { reportOf } from '../../src/demo/demo-report.ts'
import { startShow } from '../../src/demo/demo-show.ts'
import { drawBoard } from '../../src/demo/demo-view.ts'
import { rightEvidence, withStored } from './demo-builders.ts'

const plan = planDemo({ count: 4, seed: 1 })
const stamps = ['hub-core', ...plan.stamps.map(({ name }) => name)]

function stamp(at: number, name: string, task: string, verb: 'started' | 'finished'): News {
  return { kind: 'stamp', at, stamp: name, task, verb, result: verb === 'finished' ? 'pass' : '' }
}

const started: readonly News[] = [
  { kind: 'servers', at: 1_200, count: 9 },
  { kind: 'agents', at: 1_300, ready: [], of: 5 },
  { kind: 'agents', at: 3_300, ready: stamps, of: 5 },
  { kind: 'triggered', at: 3_400 },
  { kind: 'stage started', at: 3_400, stage: 'dev' },
  { kind: 'task triggered', at: 3_400, stage: 'dev', task: 'deployment', result: '' },
  stamp(3_500, 'eu-canary-1', 'deployment', 'started'),
]
const delivered: readonly News[] = [
  ...started,
  stamp(3_500, 'us-canary-1', 'deployment', 'started'),
  stamp(4_100, 'eu-canary-1', 'deployment', 'finished'),
  stamp(4_900, 'us-canary-1', 'deployment', 'finished'),
  { kind: 'task completed', at: 4_950, stage: 'dev', task: 'deployment', result: 'pass' },
  { kind: 'task triggered', at: 4_950, stage: 'dev', task: 'test', result: '' },
  stamp(5_000, 'eu-canary-1', 'test', 'started'),
  stamp(5_000, 'us-canary-1', 'test', 'started'),
  stamp(5_500, 'us-canary-1', 'test', 'finished'),
  stamp(5_600, 'eu-canary-1', 'test', 'finished'),
  { kind: 'task completed', at: 5_650, stage: 'dev', task: 'test', result: 'pass' },
  { kind: 'stage finished', at: 5_650, stage: 'dev', result: 'pass' },
  { kind: 'stage started', at: 5_700, stage: 'prod' },
  { kind: 'task triggered', at: 5_700, stage: 'prod', task: 'deployment', result: '' },
  stamp(5_800, 'us-broad-1', 'deployment', 'started'),
]

function draw(news: readonly News[], frame: Partial<Parameters<typeof drawBoard>[2]> = {}): string {
  const board = news.reduce(withNews, emptyBoard)
  const lines = drawBoard(plan, board, { now: 6_000, columns: 80, rows: 24, ...frame })
  return text(lines, frame.columns ?? 80)
}

function text(lines: readonly Line[], columns = Infinity): string {
  const plain = lines.map((line) => paintLine(line, (_, part) => part, columns - 1))
  return `\n${plain.join('\n')}\n`
}

test('while the agents start, the picture says how many are ready', (t) => {
  const ready: News = { kind: 'agents', at: 2_000, ready: ['hub-core', 'eu-broad-1'], of: 5 }
  t.is(
    draw([...started.slice(0, 2), ready], { now: 2_480 }),
    `
 Delivery of shop/cart through 2 rings, 4 stamps and 3 gateways           2.5 s
 ⠙ 9 NATS servers running, 2 of 5 agents ready

 GEO  RING    STAMP         DEPLOYMENT         TEST
 eu   canary  eu-canary-1   · starting         · starting
      broad   eu-broad-1    · waiting          · waiting
 us   canary  us-canary-1   · starting         · starting
      broad   us-broad-1    · starting         · starting

 dev   canary  ────────────────────────────  waits for the agents
 prod  broad   ────────────────────────────  waits for dev
`,
  )
})

test('each stamp shows what it does now, and each stage how far it is', (t) => {
  t.is(
    draw(delivered),
    `
 Delivery of shop/cart through 2 rings, 4 stamps and 3 gateways           6.0 s
 ✓ 9 NATS servers running, 5 of 5 agents ready

 GEO  RING    STAMP         DEPLOYMENT         TEST
 eu   canary  eu-canary-1   ✓ pass     0.6 s   ✓ pass     0.6 s
      broad   eu-broad-1    · waiting          · waiting
 us   canary  us-canary-1   ✓ pass     1.4 s   ✓ pass     0.5 s
      broad   us-broad-1    ⠴ running  0.2 s   · waiting

 dev   canary  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━  ✓ pass                       2.3 s
 prod  broad   ────────────────────────────  deployment: 0 of 2 stamps    0.3 s
`,
  )
})

test('where not all stamps fit, those where something happens are shown and the others counted', (t) => {
  t.is(
    draw(delivered, { rows: 12 }),
    `
 Delivery of shop/cart through 2 rings, 4 stamps and 3 gateways           6.0 s
 ✓ 9 NATS servers running, 5 of 5 agents ready

 GEO  RING    STAMP         DEPLOYMENT         TEST
 eu   canary  eu-canary-1   ✓ pass     0.6 s   ✓ pass     0.6 s
 us   broad   us-broad-1    ⠴ running  0.2 s   · waiting
 and 2 more: 1 done, 1 not begun

 dev   canary  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━  ✓ pass                       2.3 s
 prod  broad   ────────────────────────────  deployment: 0 of 2 stamps    0.3 s
`,
  )
})

test('no line is wider than the terminal, and none fills it', (t) => {
  for (const columns of [20, 40, 60, 80, 120]) {
    for (const line of draw(delivered, { columns }).split('\n')) t.true(line.length < columns, line)
  }
})

test('the report of a good delivery says what a user wants to know', (t) => {
  t.is(
    text(drawReport(plan, reportOf(rightEvidence(plan)), 80)),
    `
 ✓ Delivery of shop/cart through 2 rings, 4 stamps and 3 gateways         5.3 s

 STAGE  STAMP         DEPLOYMENT         TEST               DELIVERY
 dev    ring canary   ✓ pass     0.8 s   ✓ pass     0.8 s   ✓ pass     1.6 s
        eu-canary-1   ✓ pass     0.7 s   ✓ pass     0.7 s
        us-canary-1   ✓ pass     0.7 s   ✓ pass     0.7 s
 prod   ring broad    ✓ pass     0.8 s   ✓ pass     0.8 s   ✓ pass     1.6 s
        eu-broad-1    ✓ pass     0.7 s   ✓ pass     0.7 s
        us-broad-1    ✓ pass     0.7 s   ✓ pass     0.7 s

 Keptn saw      1 .started and 1 .finished for 4 of 4 tasks
 duplicates     0, at Keptn and all integrations
 events lost    0 of 32, looked for from both ends
 dead letters   0
 time           3.3 s for the delivery, 2.0 s to start everything
`,
  )
})

test('the report of a bad delivery says what was wrong', (t) => {
  const small = planDemo({ count: 1, seed: 1 })
  const evidence = withStored(rightEvidence(small), 'dev-test-finished', () => [])
  t.is(
    text(drawReport(small, reportOf({ ...evidence, runs: [] }), 80)),
    `
 ✗ Delivery of shop/cart through 1 ring, 1 stamp and 2 gateways           5.3 s

 STAGE  STAMP         DEPLOYMENT         TEST               DELIVERY
 dev    ring canary   ✓ pass     0.8 s   · none             · none
        eu-canary-1   ✓ pass     0.7 s   · none     0.7 s

 Keptn saw      1 .started and 1 .finished for 1 of 2 tasks
 duplicates     0, at Keptn and all integrations
 events lost    3 of 9, looked for from both ends
 dead letters   0
 time           3.3 s for the delivery, 2.0 s to start everything

 Not as it should be:
 ✗ dev did not run to its end
 ✗ Keptn saw 0 .finished of test in dev instead of 1
 ✗ test in dev: eu-canary-1 ended with none (none)
 ✗ lost end: sh.keptn.event.test.triggered dev-test, Keptn got no .finished for test in dev
 ✗ lost answer: sh.keptn.event.test.started dev-test-eu-canary-1-started, Keptn was told of no answers to this task
 ✗ lost answer: sh.keptn.event.test.finished dev-test-eu-canary-1-finished, Keptn was told of no answers to this task
`,
  )
})

class Recorder {
  readonly isTTY: boolean
  columns = 80
  rows = 24
  written: string[] = []

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(part: string): void {
    this.written.push(part)
  }
}

function show(stream: Recorder, isLive: boolean) {
  return startShow({ plan, stream, paint: (_, part) => part, now: () => 6_000, isLive })
}

test('where there is no terminal, each piece of news is a line without control characters', (t) => {
  const stream = new Recorder(false)
  const plain = show(stream, false)
  for (const news of delivered.slice(0, 10)) plain.hear(news)
  plain.end()
  t.is(
    stream.written.join(''),
    `  1.2 s  9 NATS servers running
  3.3 s  5 of 5 agents ready
  3.4 s  delivery of shop/cart triggered
  3.4 s  dev started
  3.4 s  dev: deployment triggered
  3.5 s    eu-canary-1  deployment started
  3.5 s    us-canary-1  deployment started
  4.1 s    eu-canary-1  deployment ✓ pass
  4.9 s    us-canary-1  deployment ✓ pass
`,
  )
})

test('a picture on a terminal goes away at its end, once, and gives the cursor back', (t) => {
  const stream = new Recorder(true)
  const live = show(stream, true)
  t.true(stream.written[0]?.includes('\u001b[?25l'))
  stream.written = []
  live.end()
  live.end()
  t.deepEqual(stream.written, ['\u001b[11A\r\u001b[J\u001b[?25h'])
})

test('after a change of width, which breaks lines, the whole screen is drawn anew', (t) => {
  const stream = new Recorder(true)
  const live = show(stream, true)
  stream.columns = 40
  stream.written = []
  live.end()
  t.deepEqual(stream.written, ['\u001b[H\u001b[2J\u001b[J\u001b[?25h'])
})
