// Says which nats-server the tests use and from where, and fetches one where there is none: once, before the
// test processes start side by side. Ends with 1, and the ways to provide one, where none can be had.
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import { SignetError } from '../src/errors.ts'

try {
  const found = await findNatsServer()
  process.stderr.write(`${describeNatsServer(found)}\n`)
} catch (error) {
  if (!(error instanceof SignetError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
