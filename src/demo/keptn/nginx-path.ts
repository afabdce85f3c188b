/**
 * The path that reaches a service behind Keptn's api-gateway (wire 5.4): decoded once, slashes
 * merged, then escaped again, so that `%2F` becomes a separator and only `%252F` survives. The
 * query is left alone.
 */
export function gatewayPath(url: string): string {
  const at = url.indexOf('?')
  const path = at === -1 ? url : url.slice(0, at)
  const query = at === -1 ? '' : url.slice(at)
  const decoded = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    'latin1',
  )
  const merged = decoded.toString('latin1').replace(/\/{2,}/g, '/')
  const escaped = merged.replace(
    /[^!$&'()*+,\-./0-9:;=@A-Z_a-z~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
  return escaped + query
}
