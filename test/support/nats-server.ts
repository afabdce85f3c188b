import { type FoundNatsServer, findNatsServer } from '../../src/demo/nats-server-binary.ts'
import { type NatsProcess, startNatsProcess } from '../../src/demo/nats-process.ts'

let found: Promise<FoundNatsServer> | undefined

/** The server that tests run, searched for once in each test process. */
export async function natsServerBinary(): Promise<string> {
  found ??= findNatsServer()
  return (await found).path
}

/** A server of the test's own: `await using server = await natsServer({ jetstream: true })`. */
export async function natsServer(
  options: { readonly jetstream?: boolean; readonly config?: string } = {},
): Promise<NatsProcess> {
  const { jetstream = false, config = '' } = options
  return startNatsProcess({
    binary: await natsServerBinary(),
    config: jetstream ? `jetstream: enabled\n${config}` : config,
  })
}
