import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Federation } from '../../src/demo/federation.ts'
import { federationUser } from '../../src/demo/nats-config.ts'
import { passwordOf, securedEnvironment } from '../../src/demo/secured-servers.ts'
import { inboxPrefix } from '../../src/domain/subject.ts'
import type { NatsAuth } from '../../src/links/nats-options.ts'

// Who agents and tests are where the servers tell users apart, and where they do not.

/** Who the agent of a stamp is on its two sides. */
export function accessOf(
  { options }: Federation,
  stamp: string,
): { readonly gateway: NatsAuth; readonly keptn: NatsAuth } {
  const { user, pass: password } = federationUser
  if (options.secured !== true) return { gateway: { user, password }, keptn: {} }
  const settings = securedEnvironment(stamp, options.home.stamp)
  return { gateway: authOf(settings, 'SIGNET'), keptn: authOf(settings, 'KEPTN') }
}

function authOf(settings: Readonly<Record<string, string>>, side: string): NatsAuth {
  const user = settings[`${side}_NATS_USER`] ?? ''
  return { user, password: settings[`${side}_NATS_PASSWORD`] ?? '' }
}

/** A test itself: the agent on a Keptn NATS, the hub on a gateway, who administers it on the hub store. */
export function testAccess({ options }: Federation, server: string): object {
  const isKeptn = server.startsWith('keptn-')
  if (options.secured !== true) return isKeptn ? {} : federationUser
  const stamp = isKeptn ? server.slice('keptn-'.length) : options.home.stamp
  const user = isKeptn ? `agent-${stamp}` : server === 'store' ? 'admin-main' : 'hub-main'
  return { user, pass: passwordOf(user), inboxPrefix: inboxPrefix(stamp) }
}

/** What the servers have refused, in their own words. */
export async function violations({ supercluster }: Federation): Promise<readonly string[]> {
  const servers = [...supercluster.processes.values()]
  const logs = await Promise.all(
    servers.map(async ({ dir, name }) => {
      const lines = (await readFile(join(dir, 'nats.log'), 'utf8')).split('\n')
      return lines.filter((line) => line.includes(' Violation ')).map((line) => `${name}: ${line}`)
    }),
  )
  return logs.flat()
}
