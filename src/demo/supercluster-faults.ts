import { SignetError } from '../errors.ts'
import type { LinkPorts } from './supercluster-plan.ts'
import { type TcpProxy, startTcpProxy } from './tcp-proxy.ts'

/** The proxies in front of one gateway server. */
interface GeoProxies {
  readonly gateway: TcpProxy
  readonly leaf: TcpProxy
}

/** Starts a proxy before every link port. */
export async function startFaults(
  actual: ReadonlyMap<string, LinkPorts>,
): Promise<SuperclusterFaults> {
  const proxies = new Map<string, GeoProxies>()
  for (const [geo, { gateway, leaf }] of actual) {
    proxies.set(geo, {
      gateway: await startTcpProxy({ target: gateway, identify: dialingGateway }),
      leaf: await startTcpProxy({ target: leaf }),
    })
  }
  return new SuperclusterFaults(proxies)
}

/**
 * Partitions between the servers of a supercluster. A geo is cut from the other geos in both
 * directions; its own clients, and its leaf nodes, keep their gateway server.
 */
export class SuperclusterFaults implements AsyncDisposable {
  readonly #proxies: ReadonlyMap<string, GeoProxies>

  constructor(proxies: ReadonlyMap<string, GeoProxies>) {
    this.#proxies = proxies
  }

  /** Where others are to find the gateway servers. */
  get ports(): ReadonlyMap<string, LinkPorts> {
    return new Map(
      [...this.#proxies].map(([geo, { gateway, leaf }]) => [
        geo,
        { gateway: gateway.port, leaf: leaf.port },
      ]),
    )
  }

  async geo(geo: string, fault: 'cut' | 'hole' | 'heal'): Promise<void> {
    // A gateway dials each of the others besides being dialed by them.
    await Promise.all(
      [...this.#proxies].map(([other, { gateway }]) =>
        other === geo ? gateway[fault]() : gateway[fault](geo),
      ),
    )
  }

  /** The leaf links of a geo's gateway server. */
  async leaf(geo: string, fault: 'cut' | 'hole' | 'heal'): Promise<void> {
    const proxies = this.#proxies.get(geo)
    if (proxies === undefined) throw new SignetError('SIGNET_USAGE', `there is no geo ${geo}`)
    await proxies.leaf[fault]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#proxies.values()].flatMap(({ gateway, leaf }) => [gateway, leaf])
    await Promise.all(all.map((proxy) => proxy[Symbol.asyncDispose]()))
  }
}

// The first line of a gateway's is its CONNECT, with its name.
function dialingGateway(line: string): string | undefined {
  return /"gateway":"([^"]+)"/.exec(line)?.[1]
}
