import type { Settings } from '../config/settings.ts'
import { oauthClient } from '../domain/oauth-client.ts'

/** How Keptn's public API is reached, as the settings say; an agent and a distributor read it alike. */
export function apiConfig(api: Settings['api']) {
  return {
    token: api.token,
    oauth: oauthClient(api),
    proxies: api,
    verifyTls: api.verifyTls,
    tlsCa: api.tlsCa,
    timeoutMs: api.timeoutMs,
  }
}
