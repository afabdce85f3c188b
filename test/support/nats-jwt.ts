import { nkeys } from '@nats-io/transport-node'
import { createHash } from 'node:crypto'

// Operator, account and user as JWTs, as `nsc` would make them; nothing of it is known to anybody else.

type Pair = ReturnType<typeof nkeys.createUser>

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** An operator with one account; makes credentials for users of it. */
export class Operator {
  readonly #operator = nkeys.createOperator()
  readonly #account = nkeys.createAccount()
  // The same at every reload: a server does not let it change.
  readonly #trusted = signed(this.#operator, this.#operator.getPublicKey(), 'operator', {})
  readonly #revoked: Record<string, number> = {}

  /** What a server is told: whom it trusts, and the account. */
  get config(): string {
    const unlimited = {
      subs: -1,
      data: -1,
      payload: -1,
      imports: -1,
      exports: -1,
      wildcards: true,
      conn: -1,
      leaf: -1,
    }
    const account = signed(this.#operator, this.#account.getPublicKey(), 'account', {
      limits: unlimited,
      revocations: this.#revoked,
    })
    return [
      `operator: ${this.#trusted}`,
      'resolver: MEMORY',
      `resolver_preload: { ${this.#account.getPublicKey()}: ${account} }`,
    ].join('\n')
  }

  /** A credentials file of a new user. */
  user(): { readonly creds: string; readonly key: string } {
    const user = nkeys.createUser()
    const key = user.getPublicKey()
    const jwt = signed(this.#account, key, 'user', { subs: -1, data: -1, payload: -1 })
    const creds = [
      `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n`,
      `-----BEGIN USER NKEY SEED-----\n${text(user.getSeed())}\n------END USER NKEY SEED------\n`,
    ].join('\n')
    return { creds, key }
  }

  /** The credentials of a user no longer count, once the server is told. */
  revoke(key: string): void {
    this.#revoked[key] = Math.floor(Date.now() / 1_000) + 1
  }
}

function signed(issuer: Pair, subject: string, type: string, nats: object): string {
  const claims = {
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject,
    name: type,
    nats: { ...nats, type, version: 2 },
  }
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('base64url')
  const body = [
    { typ: 'JWT', alg: 'ed25519-nkey' },
    { ...claims, jti },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = Buffer.from(issuer.sign(new TextEncoder().encode(body))).toString('base64url')
  return `${body}.${signature}`
}
