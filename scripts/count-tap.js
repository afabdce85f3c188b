// Reads a TAP report and prints `N passed, N failed`. Fails where the report is not whole, or counts no test
// at all: a run that was cut off must not look like one in which nothing went wrong.
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2] ?? '', 'utf8')
const plan = /^1\.\.(\d+)$/m.exec(text)
const passed = text.match(/^ok \d+/gm)?.length ?? 0
const failed = text.match(/^not ok \d+/gm)?.length ?? 0
// A test process that dies adds a failure that the plan does not count.
if (plan === null || passed + failed === 0 || passed + failed < Number(plan[1])) {
  process.stderr.write(
    `The report is not whole: plan ${plan?.[1] ?? 'missing'}, ${passed + failed} results.\n`,
  )
  process.exit(1)
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
