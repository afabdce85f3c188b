import type { FederationStatus } from '../../domain/federation-status.ts'
import { inboxPrefix } from '../../domain/subject.ts'
import { isSignetError } from '../../errors.ts'
import { ControlClient } from '../../links/control-client.ts'
import type { HubFacts, SetupFacts } from '../facts.ts'

const PATIENCE_MS = 5_000

/** What a hub answered, and between which moments of our clock. */
export type AskedHub = HubFacts & { readonly askedAt: number; readonly answeredAt: number }

/** Asks the hub of each control plane for its status, as `signet status` does. */
export function askHubs(
  setup: SetupFacts,
  by: string,
  signal: AbortSignal,
): Promise<readonly AskedHub[]> {
  return Promise.all(
    setup.topology.controlPlanes.map(({ name }) => askHub(setup, name, by, signal)),
  )
}

async function askHub(
  { settings, topology, version }: SetupFacts,
  controlPlane: string,
  by: string,
  signal: AbortSignal,
): Promise<AskedHub> {
  const client = new ControlClient({
    address: { servers: settings.gateway.urls, auth: settings.gateway.auth },
    scope: { federation: topology.federation, controlPlane },
    by,
    clientName: `signet ${version} doctor`,
    inboxPrefix: inboxPrefix(settings.stamp),
    patienceMs: PATIENCE_MS,
  })
  let askedAt = Date.now()
  const told = (answer: HubFacts['answer']): AskedHub => ({
    controlPlane,
    answer,
    askedAt,
    answeredAt: Date.now(),
  })
  try {
    await client.connect(signal)
    askedAt = Date.now()
    const answer = await client.ask({ verb: 'status', args: {}, signal })
    if (answer.ok) return told({ kind: 'answered', status: answer.value as FederationStatus })
    return told({ kind: 'silent', why: answer.message })
  } catch (error) {
    signal.throwIfAborted()
    if (isSignetError(error, 'SIGNET_AUTH_REFUSED')) return told({ kind: 'refused' })
    return told({ kind: 'silent', why: error instanceof Error ? error.message : String(error) })
  } finally {
    await client.close()
  }
}
