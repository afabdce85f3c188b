/** What is set of an OAuth client (wire 3.1). */
export interface OauthSettings {
  readonly oauthClientId?: string | undefined
  readonly oauthClientSecret?: string | undefined
  readonly oauthScopes: readonly string[]
  readonly oauthTokenUrl?: string | undefined
  readonly oauthDiscovery?: string | undefined
}

/** OAuth client credentials: a client, and where its token comes from; a token URL comes before discovery. */
export interface OauthClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: readonly string[]
  readonly tokenUrl?: string | undefined
  readonly discovery?: string | undefined
}

/** The client, where all that it needs is set: as with the distributor, anything less is none. */
export function oauthClient(settings: OauthSettings): OauthClient | undefined {
  const { oauthClientId: clientId, oauthClientSecret: clientSecret, oauthScopes: scopes } = settings
  const { oauthTokenUrl: tokenUrl, oauthDiscovery: discovery } = settings
  if (clientId === undefined || clientSecret === undefined || scopes.length === 0) return undefined
  if (tokenUrl === undefined && discovery === undefined) return undefined
  return { clientId, clientSecret, scopes, tokenUrl, discovery }
}
