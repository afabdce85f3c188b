import type { ExecutionContext } from 'ava'
import { join, resolve } from 'node:path'
import { createAgent } from '../../src/agent.ts'
import { loadTopology } from '../../src/config/topology-load.ts'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { passwordOf } from '../../src/demo/secured-servers.ts'
import type { NatsAddress } from '../../src/links/nats-options.ts'
import { createLog } from '../../src/observe/log.ts'
import { agentConfig } from './agent-config.ts'
import type { DeployedServer } from './deployed.ts'
import { delivered, exactlyOnce, trigger } from './fan-in.ts'
import { eventually } from './federation.ts'

const LIMIT_MS = 60_000

/** Where an agent connects, and who it is there. */
export function address(server: DeployedServer, user: string, isTls: boolean): NatsAddress {
  return {
    servers: [server.url],
    auth: {
      user,
      password: passwordOf(user),
      ...(isTls && { tlsCa: resolve('test/fixtures/tls/ca.pem') }),
    },
  }
}

/** The two sides of a stamp. */
export interface Sides {
  readonly gateway: NatsAddress
  readonly keptn: NatsAddress
  /** Where Keptn and the integrations connect. */
  readonly open: string
}

/** Keptn at home, an agent in each stamp, and an integration in each but the home stamp. */
export async function federationOn(
  t: ExecutionContext,
  dir: string,
  sides: Readonly<Record<string, Sides>>,
  work: () => Promise<void> = () => Promise.resolve(),
) {
  const { topology } = await loadTopology(join(dir, 'topology'))
  const { open = '' } = sides['core'] ?? {}
  const keptn = await startKeptnDouble({
    natsUrl: open,
    dispatchMs: 50,
    shipyard: {
      spec: {
        stages: [
          { name: 'dev', sequences: [{ name: 'delivery', tasks: [{ name: 'deployment' }] }] },
        ],
      },
    },
  })
  t.teardown(() => keptn.stop())
  const log = createLog('silent', {})
  const integrations = new Map<string, Integration>()
  await Promise.all(
    Object.entries(sides).map(async ([stamp, { gateway, keptn: own, open: url }]) => {
      const config = agentConfig({ topology, stamp, gateway, keptn: own })
      const agent = createAgent({ ...config, replicas: 'most' }, log)
      t.teardown(() => agent.stop().catch(() => undefined))
      await agent.start()
      await eventually(
        () => agent.reasons().length === 0 || Promise.reject(new Error(agent.reasons().join())),
        LIMIT_MS,
        `${stamp} is ready`,
      )
      if (stamp === 'core') return
      const integration = await startIntegration({
        natsUrl: url,
        name: 'deployment-service',
        namespace: 'keptn',
        node: 'node-1',
        subscriptions: [{ event: 'sh.keptn.event.deployment.triggered' }],
        handle: async () => {
          await work()
          return undefined
        },
      })
      t.teardown(() => integration.kill())
      integrations.set(stamp, integration)
    }),
  )
  return { keptn, integrations }
}

/** One delivery, to every stamp and once to each. */
export async function deliver(t: ExecutionContext, on: Awaited<ReturnType<typeof federationOn>>) {
  const { context } = await trigger(on)
  const got = await delivered(on, context, { timeoutMs: LIMIT_MS })
  t.is(got.outcome, 'pass')
  const { stamps = {} } = got.data.signet['deployment'] ?? {}
  t.is(Object.keys(stamps).length, on.integrations.size)
  for (const stamp of on.integrations.keys()) t.truthy(stamps[stamp], stamp)
  exactlyOnce(t, got, on.integrations)
}
