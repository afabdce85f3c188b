import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A nats-server with JetStream on a port of its own, gone with its store when disposed. */
export async function startServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'signet-keptn-'))
  const binary = process.env['NATS_SERVER'] ?? 'nats-server'
  const args = ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', dir, '--ports_file_dir', dir]
  const child = spawn(binary, args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      // Named after the binary, whatever that is called.
      const file = readdirSync(dir).find((name) => name.endsWith('.ports')) ?? ''
      const ports: { nats: string[] } = JSON.parse(readFileSync(join(dir, file), 'utf8'))
      return {
        url: ports.nats[0] ?? '',
        async [Symbol.asyncDispose]() {
          child.kill('SIGKILL')
          await exited
          rmSync(dir, { recursive: true, force: true })
        },
      }
    } catch {
      await sleep(10)
    }
  }
  child.kill('SIGKILL')
  throw new Error(`${binary} did not start`)
}

/** The first truthy value of `probe`, or an error with `what` when it takes longer than `limitMs`. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 5000,
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > end) throw new Error(`it did not come about: ${what}`)
    await sleep(10)
  }
}
