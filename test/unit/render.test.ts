import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { loadTopology } from '../../src/config/topology-load.ts'
import type { RenderFormat } from '../../src/domain/render.ts'
import { RENDER_FORMATS, renderTopology } from '../../src/domain/render.ts'
import type { Topology } from '../../src/domain/topology.ts'

for (const format of RENDER_FORMATS) {
  test(`the ${format} map names every stamp and every home once as a node`, async (t) => {
    const { topology } = await loadTopology('topology')
    const map = renderTopology(topology, format)
    for (const { name } of topology.stamps) t.is(nodesOf(map, format, name), 1, name)
    for (const { home } of topology.controlPlanes) t.is(nodesOf(map, format, home.stamp), 1)
    t.is(map, renderTopology(topology, format))
    t.true(map.endsWith('\n'))
  })
}

function nodesOf(map: string, format: RenderFormat, name: string): number {
  const node: Record<RenderFormat, RegExp> = {
    mermaid: new RegExp(String.raw`^ +\w+(\["|\(\[")${name}["<]`, 'gm'),
    dot: new RegExp(`^ +"${name}" \\[`, 'gm'),
    svg: new RegExp(`class="stamp"[^>]*>${name}<`, 'g'),
    json: new RegExp(`"(?:name|stamp)": "${name}"(?=,\\n +"link"|\\n +\\})`, 'g'),
  }
  return [...map.matchAll(node[format])].length - (format === 'json' ? homesInPlanes(map, name) : 0)
}

/** The JSON map names a home twice: with its control plane, and in its geo. */
function homesInPlanes(map: string, name: string): number {
  const { controlPlanes } = JSON.parse(map) as Pick<Topology, 'controlPlanes'>
  return controlPlanes.filter(({ home }) => home.stamp === name).length
}

function topologyOf(rings: readonly string[], counts: readonly number[], glob: string): Topology {
  return {
    federation: 'f',
    controlPlanes: [
      { name: 'main', home: { geo: 'g0', stamp: 'home' }, projects: ['*'], storeDomain: 'hub' },
    ],
    rings,
    stages: [{ stage: glob, rings }],
    tasks: {
      default: {
        select: 'all',
        success: 'all',
        startTimeoutMs: 1,
        finishTimeoutMs: 1,
        offline: 'wait',
        missing: 'report',
      },
      named: {},
    },
    geos: counts.map((_, index) => ({
      name: `g${index}`,
      residency: { leave: 'allow', allow: [] },
    })),
    stamps: counts.flatMap((count, geo) =>
      Array.from({ length: count }, (_, index) => ({
        name: `g${geo}-s${index}`,
        geo: `g${geo}`,
        ring: rings[index % rings.length] ?? '',
        link: 'auto' as const,
        labels: { note: glob },
        handles: [],
      })),
    ),
  }
}

testProp(
  'in the SVG no box leaves the page or covers another, and no text breaks the markup',
  [
    fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/), { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
    fc.string(),
  ],
  (t, rings, counts, glob) => {
    const svg = renderTopology(topologyOf(rings, counts, glob), 'svg')
    const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) ([\d.]+)"/.exec(svg) ?? []).map(Number)
    const boxes = [
      ...svg.matchAll(/<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g),
    ].map(([, x, y, w]) => ({ x: Number(x), y: Number(y), width: Number(w), height: 34 }))
    t.is(boxes.length, 1 + counts.reduce((sum, count) => sum + count, 0))
    for (const [index, box] of boxes.entries()) {
      t.true(box.x >= 0 && box.x + box.width <= width && box.y + box.height <= height)
      for (const other of boxes.slice(index + 1)) {
        const isApart =
          box.x + box.width <= other.x ||
          other.x + other.width <= box.x ||
          box.y + box.height <= other.y ||
          other.y + other.height <= box.y
        t.true(isApart)
      }
    }
    const texts = svg.replaceAll(/<style>.*<\/style>/gs, '').replaceAll(/<[^<>]*>/g, '')
    t.notRegex(texts, /[<>]/)
  },
  { numRuns: 30 },
)
