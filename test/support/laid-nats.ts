import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { startNatsProcess } from '../../src/demo/nats-process.ts'
import type { Laid, Secrets } from './kubelet.ts'
import { layOut } from './kubelet.ts'
import type { Manifest } from './manifest.ts'
import { containerOf, find, podOf, probesOf } from './manifest.ts'
import { natsServerBinary } from './nats-server.ts'

/** What a StatefulSet of nats-servers runs, with addresses of this machine. */
export async function startNats(
  manifests: readonly Manifest[],
  name: string,
  secrets: Secrets,
  dir: string,
  onEnd: (end: () => Promise<unknown>) => unknown,
  local: (text: string, ordinal: number) => string = (text) => text,
): Promise<readonly NatsProcess[]> {
  const owner = find(manifests, 'StatefulSet', name)
  const { replicas = 0 } = owner.spec ?? {}
  const starting = Array.from({ length: replicas }, async (_, ordinal) => {
    const pod = `${name}-${ordinal}`
    const laid = await layOut(manifests, owner, secrets, join(dir, pod), ordinal)
    const config = await configOf(laid)
    const server = await startNatsProcess({
      binary: await natsServerBinary(),
      name: pod,
      dir: join(dir, pod, 'run'),
      config: local(config, ordinal),
    })
    onEnd(() => server[Symbol.asyncDispose]())
    return server
  })
  return Promise.all(starting)
}

/**
 * The configuration that a container starts with. Its variables stand in it as nats-server reads them from the
 * environment: unquoted. Its addresses and its folder are left out, for they are chosen here.
 */
async function configOf({ container, environment, here }: Laid): Promise<string> {
  const [program, flag, path = ''] = container.command ?? []
  if (program !== 'nats-server' || flag !== '--config') throw new Error('not a nats-server')
  const text = here(await readFile(here(path), 'utf8'))
  const accounts = await readFile(here('/etc/nats/accounts.conf'), 'utf8').catch(() => '')
  const own = text
    .replace('listen: "0.0.0.0:4222"\n', '')
    .replace('http: "0.0.0.0:8222"\n', '')
    .replace(/store_dir: "[^"]+", /, '')
    // A path is relative to the file that it stands in, and that is another one here.
    .replace('include "accounts.conf"', () => accounts)
  // One that nothing asks for would be an unknown key here.
  const variables = Object.entries(environment)
    .filter(([name]) => new RegExp(`\\$${name}\\b`).test(own))
    .map(([name, value]) => `${name}: ${value}`)
  return [...variables, own].join('\n')
}

/** Whether all probes of a nats-server are answered with 200. */
export async function answers(server: NatsProcess, owner: Manifest): Promise<boolean> {
  const statuses = probesOf(containerOf(podOf(owner))).map(
    async ({ httpGet }) => (await fetch(server.monitorUrl + httpGet.path)).status,
  )
  return (await Promise.all(statuses)).every((status) => status === 200)
}
