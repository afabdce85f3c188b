import type { JsMsg } from '@nats-io/jetstream'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { CopyPlan } from './yardstick.ts'

// The yardstick, as a process of its own: the loop that anybody would write first to copy one stream into
// another. Default options, one request for each publish, the same number of messages in flight as the
// agent has events. It answers every line on stdin with its figures.

const plan = JSON.parse(process.argv[2] ?? '') as CopyPlan
const from = await connect(plan.from)
const to = await connect(plan.to)
const target = jetstream(to)
const consumer = await jetstream(
  from,
  plan.domain === '' ? {} : { domain: plan.domain },
).consumers.get(plan.stream, plan.durable)

process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage()
  const figures = { cpuSeconds: (user + system) / 1e6, rssMb: process.memoryUsage().rss / 1e6 }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
})
process.stdin.on('end', () => process.exit(0))
process.stdout.write('ready\n')

let inFlight = 0
let wake: (() => void) | undefined
const messages = await consumer.consume({ max_messages: plan.window })
for await (const message of messages) {
  while (inFlight >= plan.window) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  inFlight += 1
  void copy(message)
}

async function copy(message: JsMsg): Promise<void> {
  try {
    await target.publish(plan.subject, message.data, { msgID: `${plan.durable}:${message.seq}` })
  } catch (error) {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  }
  message.ack()
  inFlight -= 1
  wake?.()
}
