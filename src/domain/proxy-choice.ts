/** What the environment says of proxies; each as it stands there, undefined where it is not set. */
export interface ProxySettings {
  /** For `https:` targets. */
  readonly httpsProxy?: string | undefined
  /** For `http:` targets. */
  readonly httpProxy?: string | undefined
  /** Comma-separated: hosts, domains, addresses and networks that are reached without one. */
  readonly noProxy?: string | undefined
}

/**
 * The proxy that a target is reached through; undefined: none. Read as Go reads these variables, for
 * clusters set them once for all: `*` means everything, `example.org` the host and all below it,
 * `.example.org` only what is below it, `10.0.0.0/8` a network, and a port limits an entry to it. The own
 * machine is never reached through a proxy.
 */
export function proxyFor(target: URL, settings: ProxySettings): URL | undefined {
  const { httpsProxy = '', httpProxy = '', noProxy = '' } = settings
  const text = (target.protocol === 'https:' ? httpsProxy : httpProxy).trim()
  if (text === '' || isExcepted(target, noProxy)) return undefined
  const withScheme = text.includes('://') ? text : `http://${text}`
  return URL.canParse(withScheme) ? new URL(withScheme) : undefined
}

function isExcepted(target: URL, noProxy: string): boolean {
  const host = target.hostname.toLowerCase().replace(/^\[|\]$/g, '')
  const address = addressOf(host)
  if (host === 'localhost' || (address !== undefined && isLoopback(address))) return true
  const port = target.port === '' ? (target.protocol === 'https:' ? '443' : '80') : target.port
  return noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && excepts(entry, host, address, port))
}

function excepts(entry: string, host: string, address: bigint[] | undefined, port: string) {
  if (entry === '*') return true
  const network = /^(.+)\/(\d{1,3})$/.exec(entry)
  if (network !== null) {
    const [, base = '', bits = ''] = network
    return address !== undefined && isWithin(address, addressOf(base), Number(bits))
  }
  const withPort = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(entry)
  if (withPort !== null && withPort[3] !== port) return false
  const name = (withPort?.[1] ?? withPort?.[2] ?? entry).replace(/^\[|\]$/g, '')
  const named = addressOf(name)
  if (named !== undefined) return address !== undefined && sameAddress(address, named)
  const domain = name.replace(/^\*\./, '.')
  return domain.startsWith('.')
    ? host.endsWith(domain)
    : host === domain || host.endsWith(`.${domain}`)
}

/** The octets of an IPv4 address, or the groups of an IPv6 one; undefined for a name. */
function addressOf(text: string): bigint[] | undefined {
  const octets = text.split('.')
  if (octets.length === 4 && octets.every((it) => /^\d{1,3}$/.test(it) && Number(it) < 256))
    return octets.map(BigInt)
  if (!text.includes(':') || !/^[0-9a-f:]+$/.test(text)) return undefined
  const [head = '', tail, ...more] = text.split('::')
  if (more.length > 0) return undefined
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array<string>(Math.max(0, missing)).fill('0'), ...after]
  return groups.every((it) => /^[0-9a-f]{1,4}$/.test(it))
    ? groups.map((it) => BigInt(`0x${it}`))
    : undefined
}

function isLoopback(address: bigint[]): boolean {
  if (address.length === 4) return address[0] === 127n
  return address.slice(0, 7).every((it) => it === 0n) && address[7] === 1n
}

function sameAddress(a: bigint[], b: bigint[]): boolean {
  return a.length === b.length && a.every((it, index) => it === b[index])
}

function isWithin(address: bigint[], base: bigint[] | undefined, bits: number): boolean {
  if (base === undefined || base.length !== address.length) return false
  const width = address.length === 4 ? 8n : 16n
  const size = Number(width) * address.length
  if (bits > size) return false
  const shift = BigInt(size - bits)
  return number(address, width) >> shift === number(base, width) >> shift
}

function number(parts: bigint[], width: bigint): bigint {
  return parts.reduce((total, part) => (total << width) | part, 0n)
}
