import test from 'ava'
import type { Evidence } from '../../src/demo/demo-evidence.ts'
import { planDemo } from '../../src/demo/demo-plan.ts'
import { reportOf } from '../../src/demo/demo-report.ts'
import { rightEvidence, withData, withIntegration, withStored } from './demo-builders.ts'

type AggregateData = {
  signet: { deployment: { stamps: Record<string, Record<string, string>>; leftOut: object } }
}

const right = rightEvidence()

test('a delivery in which all went well has nothing to complain of', (t) => {
  const report = reportOf(right)
  t.deepEqual(report.problems, [])
  t.true(report.ok)
  t.is(report.duplicates.total, 0)
  t.is(report.lost.total, 0)
  // Of each of 4 tasks: 2 deliveries, 2 times .started and .finished, 1 end; and 2 notices of each stage.
  t.is(report.lost.expected, 4 * (2 + 4 + 1) + 2 * 2)
  const [dev, prod] = report.stages
  t.is(dev?.durationMs, 1_650)
  t.is(prod?.ring, 'broad')
  t.deepEqual(dev?.tasks[0], {
    task: 'deployment',
    result: 'pass',
    durationMs: 820,
    started: 1,
    finished: 1,
    stamps: ['eu-canary-1', 'us-canary-1'].map((stamp) => ({
      stamp,
      geo: stamp.slice(0, 2),
      result: 'pass',
      status: 'succeeded',
      message: '',
      durationMs: 700,
    })),
  })
})

const wrong = test.macro<[change: (evidence: Evidence) => Evidence, problem: RegExp]>({
  exec(t, change, problem) {
    const report = reportOf(change(right))
    t.false(report.ok)
    t.true(
      report.problems.some((each) => problem.test(each)),
      report.problems.join('\n'),
    )
  },
  title: (title = '') => `the report is not ok: ${title}`,
})

const finished = 'dev-deployment-finished'

test(
  'an answer that Keptn was told nothing of is lost',
  wrong,
  (evidence) =>
    withStored(evidence, finished, (fact) =>
      withData(fact, (data) => {
        delete (data as AggregateData).signet.deployment.stamps['us-canary-1']
      }),
    ),
  /^lost answer: sh\.keptn\.event\.deployment\.finished .*Keptn was told nothing of us-canary-1$/,
)
test(
  'the end of a stamp that Keptn was not told of',
  wrong,
  (evidence) =>
    withStored(evidence, finished, (fact) =>
      withData(fact, (data) => {
        delete (data as AggregateData).signet.deployment.stamps['us-canary-1']?.['finished']
      }),
    ),
  /^lost answer: .*not told of its end$/,
)
test(
  'another result than was sent',
  wrong,
  (evidence) =>
    withIntegration(evidence, 'us-canary-1', 'helm-service', (fact) => ({
      ...fact,
      sent: fact.sent.map((each) => ({ ...each, result: 'fail' })),
    })),
  /^lost answer: .*Keptn was told pass, and it was fail$/,
)
test(
  'data of an answer that are not in what Keptn got',
  wrong,
  (evidence) =>
    withStored(evidence, finished, (fact) =>
      withData(fact, (data) => {
        delete data['deployment']?.['eu-canary-1']
      }),
    ),
  /^lost answer: .*eu-canary-1-finished, its data are not in what Keptn got$/,
)
test(
  'an answer to nothing that Keptn has asked',
  wrong,
  (evidence) =>
    withIntegration(evidence, 'us-canary-1', 'helm-service', (fact) => ({
      ...fact,
      sent: fact.sent.map((each) => ({ ...each, triggeredid: 'nobody' })),
    })),
  /^lost answer: .*Keptn has no such task$/,
)
test(
  'a task that did not reach a stamp',
  wrong,
  (evidence) =>
    withIntegration(evidence, 'eu-broad-1', 'jmeter-service', (fact) => ({
      ...fact,
      received: [],
    })),
  /^lost delivery: .*jmeter-service of eu-broad-1 did not get it$/,
)
test(
  'a notice that did not reach a stamp',
  wrong,
  (evidence) =>
    withIntegration(evidence, 'eu-broad-1', 'helm-service', (fact) => ({
      ...fact,
      received: fact.received.filter(({ id }) => id !== 'prod-end'),
    })),
  /^lost notice: sh\.keptn\.event\.prod\.delivery\.finished prod-end, /,
)
test(
  'a task without an end',
  wrong,
  (evidence) => withStored(evidence, finished, () => []),
  /^lost end: .*Keptn got no \.finished for deployment in dev$/,
)
test(
  'an event that Keptn has twice',
  wrong,
  (evidence) => withStored(evidence, 'dev-end', (fact) => [fact, fact]),
  /^Keptn got sh\.keptn\.event\.dev\.delivery\.finished dev-end 2 times$/,
)
test(
  'an event that an integration got twice',
  wrong,
  (evidence) =>
    withIntegration(evidence, 'eu-canary-1', 'jmeter-service', (fact) => ({
      ...fact,
      received: [...fact.received, ...fact.received],
    })),
  /^jmeter-service of eu-canary-1 got sh\.keptn\.event\.test\.triggered dev-test 2 times$/,
)
test(
  'a second .started at Keptn',
  wrong,
  (evidence) =>
    withStored(evidence, 'prod-test-started', (fact) => [fact, { ...fact, id: 'another' }]),
  /^Keptn saw 2 \.started of test in prod instead of 1$/,
)
test(
  'no .finished at Keptn',
  wrong,
  (evidence) => withStored(evidence, finished, () => []),
  /^Keptn saw 0 \.finished of deployment in dev instead of 1$/,
)
test(
  'a stamp that failed',
  wrong,
  (evidence) =>
    withStored(evidence, finished, (fact) =>
      withData(fact, (data) => {
        const stamp = (data as AggregateData).signet.deployment.stamps['us-canary-1'] ?? {}
        Object.assign(stamp, { result: 'fail', message: 'no such chart' })
      }),
    ),
  /^deployment in dev: us-canary-1 ended with fail \(succeeded\): no such chart$/,
)
test(
  'a stage that ended badly',
  wrong,
  ({ runs, ...evidence }) => ({
    ...evidence,
    runs: runs.map((run) => ({ ...run, end: { result: 'fail', status: 'errored', atMs: 3_000 } })),
  }),
  /^dev ended with fail \(errored\)$/,
)
test(
  'a stage that did not run',
  wrong,
  ({ runs, ...evidence }) => ({ ...evidence, runs: runs.slice(0, 1) }),
  /^prod did not run to its end$/,
)
test(
  'a dead letter',
  wrong,
  (evidence) => ({ ...evidence, deadLetters: { 'signet.demo.dlq.main.up.eu-1.oversize': 1 } }),
  /^1 dead letter under signet\.demo\.dlq\.main\.up\.eu-1\.oversize$/,
)
test(
  'a message that did not arrive in time',
  wrong,
  (evidence) => ({ ...evidence, onTheWay: 2 }),
  /^2 messages still on the way$/,
)
test(
  'an event that Keptn could do nothing with',
  wrong,
  (evidence) => ({ ...evidence, setAside: ['sh.keptn.event.x.finished: no such task'] }),
  /^Keptn set an event aside: sh\.keptn\.event\.x\.finished: no such task$/,
)
test(
  'an agent that has ended',
  wrong,
  (evidence) => ({ ...evidence, ended: ['the agent of eu-canary-1 has ended'] }),
  /^the agent of eu-canary-1 has ended$/,
)

test('duplicates count the copies beyond the first, of both ends', (t) => {
  const atKeptn = withStored(right, 'dev-end', (fact) => [fact, fact, fact])
  const atBoth = withIntegration(atKeptn, 'eu-canary-1', 'jmeter-service', (fact) => ({
    ...fact,
    received: [...fact.received, ...fact.received],
  }))
  t.is(reportOf(atBoth).duplicates.total, 3)
})

test('stamps that Keptn is only told the number of are not lost, but one more would be', (t) => {
  const evidence = rightEvidence(planDemo({ count: 8, seed: 1 }))
  const leaveOut = (count: number): Evidence =>
    withStored(evidence, finished, (fact) =>
      withData(fact, (data) => {
        const section = (data as AggregateData).signet.deployment
        section.stamps = {}
        section.leftOut = { stamps: count }
        data['deployment'] = {}
      }),
    )
  const all = reportOf(leaveOut(4))
  t.deepEqual(all.problems, [])
  t.is(all.stages[0]?.tasks[0]?.stamps[0]?.result, 'pass')
  const fewer = reportOf(leaveOut(3))
  t.is(fewer.lost.total, 2, 'the .started and the .finished of one stamp')
})
