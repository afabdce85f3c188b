import type { FederationStatus } from '../domain/federation-status.ts'
import type { HubCommand } from './ask-hub.ts'
import { withHub } from './ask-hub.ts'
import { EXIT_OK, writeJson } from './topology-output.ts'

/** `signet status`: the federation at a glance. Resolves with the exit code. */
export async function runStatus(command: HubCommand): Promise<number> {
  const status = await withHub(
    command,
    async (hub) => (await hub.ask('status')) as FederationStatus,
  )
  if (command.json) writeJson(command.stdout, status)
  else command.stdout.write(`${JSON.stringify(status)}\n`)
  return EXIT_OK
}
