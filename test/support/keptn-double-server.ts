import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
  const file = join(dir, `nats-server_${child.pid}.ports`)
  for (let tries = 0; tries < 500; tries += 1) {
    try {
      const ports = JSON.parse(readFileSync(file, 'utf8')) as { nats: string[] }
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
