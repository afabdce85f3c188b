// Empties dist, then compiles everything: a file that was renamed must not live on in dist as a test.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
const tsc = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], {
  stdio: ['ignore', 2, 2],
})
if (existsSync('dist/src/cli.js')) chmodSync('dist/src/cli.js', 0o755)
process.exit(tsc.status ?? 1)
