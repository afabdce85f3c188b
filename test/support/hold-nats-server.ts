// Starts a nats-server, says its process id and folder on stdout, and holds it until it is killed itself.
import { setInterval } from 'node:timers'
import { natsServer } from './nats-server.ts'

const server = await natsServer()
process.stdout.write(JSON.stringify([server.pid, server.dir]))
setInterval(() => undefined, 60_000)
