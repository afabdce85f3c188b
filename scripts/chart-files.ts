import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { CHART } from './chart-schema.ts'

/** A document that is made; `make` says its text, or that it must not be there. */
export interface Made {
  readonly path: string
  readonly make: () => string | undefined | Promise<string | undefined>
}

/** What the chart carries of the folders beside it, for a chart has no files but its own. */
const CARRIED = [
  { from: 'deploy/grafana', to: `${CHART}/files/dashboards`, ext: '.json', isWanted: () => true },
  { from: 'deploy/prometheus', to: `${CHART}/files/rules`, ext: '.yaml', isWanted: hasGroups },
]

/** The copies in the chart, and what is in its folders and no copy of anything. */
export async function chartFiles(): Promise<readonly Made[]> {
  const folders = CARRIED.map(async ({ from, to, ext, isWanted }) => {
    const wanted = new Map<string, string>()
    for (const name of await namesIn(from, ext)) {
      const text = await readFile(join(from, name), 'utf8')
      if (isWanted(text)) wanted.set(name, text)
    }
    const names = new Set([...wanted.keys(), ...(await namesIn(to, ''))])
    return [...names].map((name) => ({
      path: join(to, basename(name)),
      make: () => wanted.get(name),
    }))
  })
  return (await Promise.all(folders)).flat()
}

async function namesIn(folder: string, ext: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.endsWith(ext)).toSorted()
}

/** Rules of Prometheus; beside them may lie its configuration, and tests of the rules. */
function hasGroups(text: string): boolean {
  const document: unknown = parse(text)
  return typeof document === 'object' && document !== null && 'groups' in document
}
