import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { dashboardJson } from './dashboards/dashboard.ts'
import { federation } from './dashboards/federation.ts'
import { link } from './dashboards/link.ts'
import { rollout } from './dashboards/rollout.ts'
import { tunnel } from './dashboards/tunnel.ts'
import type { Made } from './chart-files.ts'
import { chartFiles } from './chart-files.ts'
import { chartReadme } from './chart-readme.ts'
import { CHART, chartSchema } from './chart-schema.ts'
import { metricsPage } from './metrics-page.ts'
import { doctorPage } from '../src/doctor/page.ts'
import { permissionsPage } from './permissions-page.ts'
import { configurationPage, topologyJsonSchema } from '../src/config/describe.ts'

/**
 * Writes the generated documents, from the root of the project. With `--check` it writes nothing, and
 * ends with 1 where one of them is stale.
 */
const DOCUMENTS: readonly Made[] = [
  { path: 'docs/configuration.md', make: configurationPage },
  { path: 'docs/metrics.md', make: metricsPage },
  { path: 'docs/doctor.md', make: doctorPage },
  { path: 'docs/permissions.md', make: permissionsPage },
  { path: 'docs/topology.schema.json', make: topologyJsonSchema },
  ...[federation, link, rollout, tunnel].map((board) => ({
    path: `deploy/grafana/${board.name}.json`,
    make: () => dashboardJson(board),
  })),
  { path: `${CHART}/README.md`, make: chartReadme },
  { path: `${CHART}/values.schema.json`, make: chartSchema },
]

const isCheck = process.argv.includes('--check')
await write(DOCUMENTS)
// After these, for it carries some of them.
await write(await chartFiles())

async function write(documents: readonly Made[]): Promise<void> {
  for (const { path, make } of documents) {
    const wanted = await make()
    const found = await readFile(path, 'utf8').catch(() => undefined)
    if (found === wanted) continue
    if (isCheck) {
      process.stderr.write(`${path} is stale; \`npm run docs\` makes it anew.\n`)
      process.exitCode = 1
    } else if (wanted === undefined) {
      await rm(path)
      process.stdout.write(`${path} removed\n`)
    } else {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, wanted)
      process.stdout.write(`${path} written\n`)
    }
  }
}
