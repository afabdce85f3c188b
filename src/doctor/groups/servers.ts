import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { GreetedServer, SideFacts } from '../facts.ts'
import { day, SOON_MS } from './files.ts'

const LEAST_VERSION = [2, 9, 10] as const
/** A chunk of a tunnelled body (256 KiB) with its headers must fit (docs/architecture.md). */
const LEAST_PAYLOAD = 320 * 1_024
/** nats-server's own default, which Keptn's chart leaves as it is (wire 1.7). */
const USUAL_PAYLOAD = 1_048_576
/** A lease is renewed within a second, or the leader pauses. */
const SLOW_MS = 500

/** Both NATS sides, from the first byte to a login. */
export const serversGroup: Group = {
  name: 'servers',
  title: 'NATS servers',
  checks: [
    check({
      code: 'DOC-501',
      severity: 'error',
      title: 'A NATS side cannot be reached.',
      why: 'Without its gateway NATS a stamp only collects; without its Keptn NATS nothing happens there at all.',
      mend: 'Does the server run, is SIGNET_NATS_URL or NATS_URL its address, does a NetworkPolicy stand in between?',
      reads: ['sides'],
      judge: ({ sides }) =>
        sides.flatMap((it) => (it.servers.every(isUnreachable) ? away(it) : [])),
    }),
    check({
      code: 'DOC-502',
      severity: 'warning',
      title: 'Some servers of a NATS side cannot be reached.',
      why: 'The others do the work; when they go, nobody is left.',
      mend: 'Look at those servers, or take them out of the URL.',
      reads: ['sides'],
      judge: ({ sides }) =>
        sides.flatMap((it) => (it.servers.every(isUnreachable) ? [] : away(it))),
    }),
    check({
      code: 'DOC-503',
      severity: 'error',
      title: 'No TLS connection comes about.',
      why: 'The server is there, and neither side may talk to the other.',
      mend: 'Is it signed by a certificate of SIGNET_NATS_TLS_CA or KEPTN_NATS_TLS_CA, does it name the host of the URL, does the server want a client certificate (…_TLS_CERT, …_TLS_KEY)?',
      reads: ['sides'],
      judge: ({ sides }) =>
        each(sides, ({ trouble }) => (trouble?.kind === 'tls' ? trouble.why : undefined)),
    }),
    check({
      code: 'DOC-504',
      severity: 'error',
      title: 'A server does not let us in.',
      why: 'User, password, token, nkey or credentials are not those of a user that it knows.',
      mend: 'Look at SIGNET_NATS_… or KEPTN_NATS_… of that side, and whether the server was told of them and reloaded.',
      reads: ['sides'],
      judge: ({ sides }) =>
        sides.flatMap(({ side, connection }) =>
          connection.kind === 'refused' ? [`${sideName(side)}: ${connection.why}`] : [],
        ),
    }),
    check({
      code: 'DOC-505',
      severity: 'error',
      title: 'A server speaks, and no session comes about.',
      why: 'Nothing can be sent to it.',
      mend: 'Read the sentence, and the log of that nats-server at this moment.',
      reads: ['sides'],
      judge: ({ sides }) =>
        sides.flatMap(({ side, connection, servers }) =>
          connection.kind === 'failed' && servers.some(({ trouble }) => trouble === undefined)
            ? [`${sideName(side)}: ${connection.why}`]
            : [],
        ),
    }),
    check({
      code: 'DOC-506',
      severity: 'error',
      title: 'A nats-server is older than 2.9.10.',
      why: 'Older ones lack what Signet builds on, or do it wrongly; nothing is promised of them.',
      mend: 'Upgrade it to 2.9.10 or newer; of Keptn’s own, the chart value nats.nats.image.',
      reads: ['sides'],
      judge: ({ sides }) =>
        each(sides, ({ version }) =>
          version !== undefined && isOlder(version) ? `version ${version}` : undefined,
        ),
    }),
    check({
      code: 'DOC-507',
      severity: 'error',
      title: 'Both NATS sides are one account.',
      why: 'Every stamp would hear every other, and two control planes eat each other’s events. The agent refuses to run.',
      mend: 'Give them two servers, or users of two accounts; see SIGNET_ONE_ACCOUNT in docs/errors.md.',
      reads: ['oneAccount'],
      judge: ({ oneAccount }) =>
        oneAccount ? ['what is said on the Keptn NATS is heard on the gateway NATS'] : [],
    }),
    check({
      code: 'DOC-508',
      severity: 'error',
      title: 'max_payload is too small.',
      why: 'Parts of bodies and presence do not fit: calls to Keptn’s API break, and larger events become dead letters.',
      mend: 'Set max_payload to 1MB or more, the same on every server, and reload; clients must connect again.',
      reads: ['sides'],
      judge: ({ sides }) => payloads(sides, (bytes) => bytes < LEAST_PAYLOAD),
    }),
    check({
      code: 'DOC-509',
      severity: 'warning',
      title: 'max_payload is below that of a usual server.',
      why: 'Keptn and its integrations count on 1 MB; an event above the limit becomes a dead letter (`oversize`).',
      mend: 'Set max_payload to 1MB or more, the same on every server.',
      reads: ['sides'],
      judge: ({ sides }) =>
        payloads(sides, (bytes) => bytes >= LEAST_PAYLOAD && bytes < USUAL_PAYLOAD),
    }),
    check({
      code: 'DOC-510',
      severity: 'warning',
      title: 'max_payload differs between the two sides.',
      why: 'What fits on one side is a dead letter on the other, and newer servers cut a leaf link over it.',
      mend: 'Set one max_payload on all servers of the federation.',
      reads: ['sides'],
      judge: ({ sides }) => {
        const sizes = sides.flatMap(({ side, connection }) =>
          connection.kind === 'connected' ? [{ side, bytes: connection.maxPayloadBytes }] : [],
        )
        const isOne = new Set(sizes.map(({ bytes }) => bytes)).size < 2
        return isOne
          ? []
          : [sizes.map(({ side, bytes }) => `${sideName(side)} takes ${bytes} bytes`).join(', ')]
      },
    }),
    check({
      code: 'DOC-511',
      severity: 'warning',
      title: 'A password or token goes over the wire without TLS.',
      why: 'Anybody on the way can read it and be this stamp.',
      mend: 'Switch TLS on at the server, or use an nkey or credentials, which never send their secret.',
      reads: ['sides'],
      judge: ({ sides }) =>
        each(
          sides.filter(({ sendsSecret }) => sendsSecret),
          ({ isEncrypted, isOnThisMachine }) =>
            isEncrypted === false && !isOnThisMachine ? 'has no TLS' : undefined,
        ),
    }),
    check({
      code: 'DOC-512',
      severity: 'warning',
      title: 'The certificate of a server ends within two weeks.',
      why: 'Then nobody can connect to it any more, neither agents nor integrations.',
      mend: 'Renew it at the server and reload.',
      reads: ['sides', 'setup'],
      judge: ({ sides, setup: { now } }) =>
        each(sides, ({ certificate }) =>
          certificate !== undefined && certificate.notAfter - now < SOON_MS
            ? `${certificate.name} ends ${day(certificate.notAfter)}`
            : undefined,
        ),
    }),
    check({
      code: 'DOC-513',
      severity: 'warning',
      title: 'A server answers slowly.',
      why: 'A lease must be renewed within a second; a leader that cannot pauses, and another one takes over.',
      mend: 'Look at the load of the server and its node, and at the way there.',
      reads: ['sides'],
      judge: ({ sides }) =>
        sides.flatMap(({ side, connection }) =>
          connection.kind === 'connected' && connection.roundTripMs > SLOW_MS
            ? [`${sideName(side)}: ${Math.round(connection.roundTripMs)} ms there and back`]
            : [],
        ),
    }),
    check({
      code: 'DOC-514',
      severity: 'warning',
      title: 'The gateway NATS lets in whoever comes.',
      why: 'Anybody who reaches it can speak for any stamp, and listen to all of them.',
      mend: 'Give the servers the accounts of `signet topology nats-config`; see docs/security.md.',
      reads: ['sides'],
      judge: ({ sides }) =>
        each(
          sides.filter(({ side }) => side === 'gateway'),
          ({ needsLogin }) => (needsLogin === false ? 'asks for no login' : undefined),
        ),
    }),
  ],
}

export function sideName(side: SideFacts['side']): string {
  return side === 'gateway' ? 'gateway NATS' : 'Keptn NATS'
}

function isUnreachable({ trouble }: GreetedServer): boolean {
  return trouble?.kind === 'unreachable'
}

function away({ side, servers }: SideFacts): readonly string[] {
  return each([{ side, servers }], ({ trouble }) =>
    trouble?.kind === 'unreachable' ? trouble.why : undefined,
  )
}

/** One sentence for each server of which there is something to say. */
function each(
  sides: readonly Pick<SideFacts, 'side' | 'servers'>[],
  say: (server: GreetedServer) => string | undefined,
): readonly string[] {
  return sides.flatMap(({ side, servers }) =>
    servers.flatMap((server) => {
      const said = say(server)
      return said === undefined ? [] : [`${sideName(side)} ${server.url}: ${said}`]
    }),
  )
}

function payloads(
  sides: readonly SideFacts[],
  isWrong: (bytes: number) => boolean,
): readonly string[] {
  return sides.flatMap(({ side, connection }) =>
    connection.kind === 'connected' && isWrong(connection.maxPayloadBytes)
      ? [`${sideName(side)} takes ${connection.maxPayloadBytes} bytes`]
      : [],
  )
}

function isOlder(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number)
  for (const [index, least] of LEAST_VERSION.entries()) {
    const part = parts[index] ?? 0
    if (part !== least) return part < least
  }
  return false
}
