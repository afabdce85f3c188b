import type { NatsSide as Address } from '../../config/settings-nats.ts'
import { inboxPrefix } from '../../domain/subject.ts'
import { isSignetError } from '../../errors.ts'
import { greet } from '../../links/greeting.ts'
import { NatsSide } from '../../links/nats-side.ts'
import { refuseOneAccount } from '../../links/one-account.ts'
import { following } from '../../runtime/abort.ts'
import type { ConnectionFacts, GreetedServer, SetupFacts, SideFacts, SideName } from '../facts.ts'

const GREET_MS = 4_000
const CONNECT_MS = 6_000

/** A side that the agent would be connected to, or why we are not. */
export interface Dialled {
  readonly name: SideName
  readonly side: NatsSide
  readonly facts: ConnectionFacts
}

/** Connects as the agent does, once; the first failure is told. */
export async function dial(
  name: SideName,
  { settings, version }: SetupFacts,
  signal: AbortSignal,
): Promise<Dialled> {
  const failed = new AbortController()
  let why = 'no answer in time'
  const side = new NatsSide({
    side: name,
    address: addressOf(settings[name]),
    clientName: `signet ${version} doctor`,
    inboxPrefix: inboxPrefix(settings.stamp),
    events: {
      connected: () => undefined,
      disconnected: (reason) => {
        why = reason
        failed.abort()
      },
      error: () => undefined,
    },
  })
  using given = following({ signals: [signal, failed.signal], timeoutMs: CONNECT_MS })
  try {
    await side.connect(given.signal)
  } catch {
    signal.throwIfAborted()
    return { name, side, facts: { kind: side.isRefused ? 'refused' : 'failed', why } }
  }
  const { server = '', version: serverVersion = '' } = side.state
  return {
    name,
    side,
    facts: {
      kind: 'connected',
      server,
      version: serverVersion,
      maxPayloadBytes: side.maxPayloadBytes,
      roundTripMs: await side.connection.rtt(),
    },
  }
}

/** Asks each server of a side what it says of itself, and adds what came of the connection. */
export async function sideFacts(
  name: SideName,
  { settings }: SetupFacts,
  connection: ConnectionFacts,
): Promise<SideFacts> {
  const { urls, auth } = settings[name]
  const servers = await Promise.all(urls.map((url) => greeted(url, settings[name])))
  const { password, passwordFile, token, tokenFile } = auth
  const sendsSecret = [password, passwordFile, token, tokenFile].some((it) => it !== undefined)
  return { side: name, sendsSecret, servers, connection }
}

async function greeted(url: string, { auth }: Address): Promise<GreetedServer> {
  const shown = { url, isOnThisMachine: isLoopback(url) }
  const answer = await greet(url, auth, GREET_MS)
  if (answer.kind === 'greeted') return { ...shown, ...answer.greeting }
  return { ...shown, trouble: { kind: answer.kind, why: answer.why } }
}

/** Whether what is said on one side is heard on the other. */
export async function areOneAccount(
  gateway: NatsSide,
  keptn: NatsSide,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await refuseOneAccount(gateway, keptn, signal)
    return false
  } catch (error) {
    if (isSignetError(error, 'SIGNET_ONE_ACCOUNT')) return true
    throw error
  }
}

function addressOf({ urls, auth }: Address) {
  return { servers: urls, auth }
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}
