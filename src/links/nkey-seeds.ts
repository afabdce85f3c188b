import { nkeys } from '@nats-io/transport-node'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SignetError } from '../errors.ts'

/**
 * The public keys of users, by name. Their seeds lie in `folder`, a file `<user>.nk` for each, which only its owner may
 * read: an agent takes it as it is (`SIGNET_NATS_NKEY`). A seed that is there is kept; where there is none, or its user is
 * to be renewed, a new one is made. SIGNET_USAGE for a file that holds no seed of a user: it is never overwritten.
 */
export async function seededUsers(
  folder: string,
  users: readonly string[],
  renewed: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const keys = new Map<string, string>()
  for (const user of new Set(users)) {
    const path = join(folder, `${user}.nk`)
    const known = renewed.includes(user) ? undefined : await knownKey(path)
    keys.set(user, known ?? (await newKey(path, renewed.includes(user))))
  }
  return keys
}

async function knownKey(path: string): Promise<string | undefined> {
  let seed: Buffer
  try {
    seed = await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const key = nkeys.fromSeed(new TextEncoder().encode(seed.toString().trim())).getPublicKey()
    if (key.startsWith('U')) return key
  } catch {
    // Not what it should be, whatever it is: below.
  }
  throw new SignetError('SIGNET_USAGE', `${path} holds no seed of a user, and is left as it is.`)
}

async function newKey(path: string, mayReplace: boolean): Promise<string> {
  const pair = nkeys.createUser()
  const seed = `${new TextDecoder().decode(pair.getSeed())}\n`
  await writeFile(path, seed, { mode: 0o600, flag: mayReplace ? 'w' : 'wx' })
  return pair.getPublicKey()
}
