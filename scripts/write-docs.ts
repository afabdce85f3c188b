import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { dashboardJson } from './dashboards/dashboard.ts'
import { federation } from './dashboards/federation.ts'
import { link } from './dashboards/link.ts'
import { rollout } from './dashboards/rollout.ts'
import { tunnel } from './dashboards/tunnel.ts'
import { metricsPage } from './metrics-page.ts'
import { doctorPage } from '../src/doctor/page.ts'
import { permissionsPage } from './permissions-page.ts'
import { configurationPage, topologyJsonSchema } from '../src/config/describe.ts'

/**
 * Writes the generated documents, from the root of the project. With `--check` it writes nothing, and
 * ends with 1 where one of them is stale.
 */
const DOCUMENTS = [
  { path: 'docs/configuration.md', make: configurationPage },
  { path: 'docs/metrics.md', make: metricsPage },
  { path: 'docs/doctor.md', make: doctorPage },
  { path: 'docs/permissions.md', make: permissionsPage },
  { path: 'docs/topology.schema.json', make: topologyJsonSchema },
  ...[federation, link, rollout, tunnel].map((board) => ({
    path: `deploy/grafana/${board.name}.json`,
    make: () => dashboardJson(board),
  })),
]

const isCheck = process.argv.includes('--check')
for (const { path, make } of DOCUMENTS) {
  const wanted = await make()
  const found = await readFile(path, 'utf8').catch(() => undefined)
  if (found === wanted) continue
  if (isCheck) {
    process.stderr.write(`${path} is stale; \`npm run docs\` makes it anew.\n`)
    process.exitCode = 1
  } else {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, wanted)
    process.stdout.write(`${path} written\n`)
  }
}
