import { z } from 'zod'
import { NAME_RULE } from '../domain/name.ts'
import { DURATION_PATTERN, DURATION_RULE, parseDuration } from './duration.ts'

/**
 * The one schema of topology files (DESIGN 5): from it come validation, the JSON Schema for editors and
 * docs/configuration.md. It describes the text that people write; `topology-build.ts` makes domain
 * types of it. An `error` here completes the sentence "expected …".
 */

export const API_VERSION = 'signet/v1'
export const KINDS = ['Federation', 'Geo', 'Ring'] as const
export type Kind = (typeof KINDS)[number]

/** As `isName` of the domain, which a test compares; here as a pattern, for editors. */
export const NAME_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const PERCENT_PATTERN = /^(100|[1-9][0-9]?)%$/
const SHARE_PATTERN = /^(all|(100|[1-9][0-9]?)%)$/
const MINUTE_MS = 60_000

/** A task that nobody has started for this long is given up by Keptn itself (wire 6.6). */
const KEPTN_START_LIMIT_MS = 10 * MINUTE_MS
const FINISH_LIMIT_MS = 72 * 60 * MINUTE_MS

/** How a task is run where neither it nor `tasks.default` says otherwise (DESIGN 5). */
export const DEFAULT_TASK = {
  select: 'all',
  success: 'all',
  startTimeout: '5m',
  finishTimeout: '2h',
  offline: 'wait',
  missing: 'report',
} as const

function text(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected, abort: true })
}

function name(description: string) {
  return text(NAME_PATTERN, `a name (${NAME_RULE})`).describe(description)
}

function duration(expected: string, isAllowed: (durationMs: number) => boolean) {
  return text(DURATION_PATTERN, DURATION_RULE).refine(
    (value) => {
      const durationMs = parseDuration(value)
      return durationMs !== undefined && isAllowed(durationMs)
    },
    { error: expected },
  )
}

function list<T extends z.ZodType>(item: T) {
  return z.array(item).min(1, { error: 'at least one entry' })
}

const apiVersion = z.literal(API_VERSION).describe('The version of this format.')
const glob = (expected: string) => text(/^[^\s]+$/, `${expected}, in which * stands for any text`)
const task = text(/^[^\s.*>]+$/, 'the name of a Keptn task, without dots, spaces and wildcards')
const handles = z
  .array(task)
  .describe(
    'Tasks that the integrations here handle, whether or not they have registered. While nothing has registered in it, a stamp that lists tasks is a target of those tasks only.',
  )
const dataPath = text(
  /^data(\.[^.\s]+)+$/,
  'the path of a field of the event, such as data.deployment.deploymentURIsLocal',
).refine(
  (path) => !/^data\.(project|stage|service|status|result|temporaryData)(\.|$)/iu.test(path),
  {
    error: 'a field that Keptn can do without',
  },
)

const taskPolicy = z.strictObject({
  select: z
    .enum(['all', 'one', 'none'])
    .optional()
    .describe(
      'Which of the stamps in question run the task: all of them, one (the least busy, and for one delivery the same one if possible), or none (the task stays in the control plane).',
    )
    .meta({ default: DEFAULT_TASK.select }),
  success: text(/^(all|any|(100|[1-9][0-9]?)%)$/, 'all, any, or a percentage from 1% to 100%')
    .optional()
    .describe('How many of them must succeed: all, any one, or a share of them such as 80%.')
    .meta({ default: DEFAULT_TASK.success }),
  startTimeout: duration(
    'a duration above zero and below 10m, when Keptn itself gives the task up',
    (durationMs) => durationMs > 0 && durationMs < KEPTN_START_LIMIT_MS,
  )
    .optional()
    .describe('A stamp that has not started the task within this time is given up. Below 10m.')
    .meta({ default: DEFAULT_TASK.startTimeout }),
  finishTimeout: duration(
    'a duration above zero and of 72h at most',
    (durationMs) => durationMs > 0 && durationMs <= FINISH_LIMIT_MS,
  )
    .optional()
    .describe('A stamp that has not finished the task within this time is given up. At most 72h.')
    .meta({ default: DEFAULT_TASK.finishTimeout }),
  offline: z
    .enum(['wait', 'skip', 'fail'])
    .optional()
    .describe('What becomes of a stamp whose agent is not heard of.')
    .meta({ default: DEFAULT_TASK.offline }),
  missing: z
    .enum(['report', 'fail'])
    .optional()
    .describe(
      'Whether a selected stamp without an integration for the task is only reported, or counts as failed.',
    )
    .meta({ default: DEFAULT_TASK.missing }),
})

const controlPlane = z.strictObject({
  name: name('The name of this Keptn installation.'),
  home: z
    .strictObject({
      geo: name('The geo that Keptn runs in.'),
      stamp: name('The stamp that Keptn runs in. It is never a target itself.'),
    })
    .describe('Where Keptn runs.'),
  projects: list(glob('the name of a Keptn project'))
    .default(['*'])
    .describe(
      'Globs of the Keptn projects that belong to it. Of several control planes the first that names a project has it.',
    ),
  store: z
    .strictObject({
      domain: text(
        /^[A-Za-z0-9_-]+$/,
        'the name of a JetStream domain (letters, digits, _ and -)',
      ).describe('Its JetStream domain.'),
    })
    .default({ domain: 'hub' })
    .describe('The hub store: JetStream behind a leaf node in the home stamp.'),
})

const stageRule = z.strictObject({
  stage: glob('the name of a Keptn stage').describe('A glob of stage names.'),
  project: glob('the name of a Keptn project')
    .optional()
    .describe('A glob of project names. Without it: every project.'),
  rings: list(name('A ring.')).describe('The rings that the stage means.'),
  geos: list(name('A geo.')).optional().describe('The geos that it means. Without it: every geo.'),
})

export const federationSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Federation').describe('What this document describes.'),
    name: name('The name of the federation. It is part of every subject.'),
    controlPlanes: list(controlPlane).describe('The Keptn installations.'),
    rings: list(name('A ring.')).describe('All rings, in release order.'),
    stages: z
      .array(stageRule)
      .default([])
      .describe(
        'Which stamps a Keptn stage means; the first rule that matches counts. A stage that no rule names stays in the control plane.',
      ),
    tasks: z
      .record(task, taskPolicy)
      .default({})
      .describe(
        'How the fan-out of a task is run, by name of the task. `default` is for all others, and for what a task leaves unsaid.',
      ),
  })
  .describe(
    'The federation: control planes, release order, what stages and tasks mean. One in all.',
  )

const residencyRule = z.strictObject({
  to: name('The geo that it may go to.'),
  events: list(
    text(/^[^\s>]+$/, 'a glob of an event type without its sh.keptn., such as *.finished'),
  )
    .default(['*'])
    .describe(
      'Globs of event types, without their `sh.keptn.`; `*` stands for any text. Calls to Keptn’s API are `api.<service>.<method>`, error logs `log.error`.',
    ),
  drop: z.array(dataPath).default([]).describe('Fields that are left out.'),
  hash: z
    .array(
      dataPath.refine((path) => path.toLowerCase() !== 'data.labels', {
        error: 'one of the labels, such as data.labels.owner: labels are a map',
      }),
    )
    .default([])
    .describe('Fields whose value is replaced by a hash of it.'),
})

export const geoSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Geo').describe('What this document describes.'),
    geo: name('The name of the geo.'),
    residency: z
      .strictObject({
        leave: z
          .enum(['allow', 'deny'])
          .default('allow')
          .describe('What becomes of an event that no rule below names.'),
        allow: z
          .array(residencyRule)
          .default([])
          .describe('What may leave, where to, and how it is edited; the first match counts.'),
      })
      .default({ leave: 'allow', allow: [] })
      .describe('Which events may leave the geo.'),
  })
  .describe('One geo: compute and data that stay together.')

const stamp = z.strictObject({
  name: name('The name of the stamp, unique in the federation.'),
  labels: z
    .record(
      text(/^[^\s]{1,63}$/, 'a label of at most 63 characters, without spaces'),
      z.string({ error: 'text (in quotation marks where YAML would read a number or a yes)' }),
    )
    .default({})
    .describe('Labels of your own, for people and dashboards.'),
  link: z
    .enum(['nats', 'https', 'auto'])
    .default('auto')
    .describe(
      'How it reaches its control plane. `auto`: over NATS while that is there, else over HTTPS.',
    ),
  handles: handles.optional().describe('As the `handles` of the ring, which it replaces.'),
})

const CONCURRENCY = 'a number of stamps, or a percentage from 1% to 100%'
const MIN_SUCCESS = 'a number of stamps, a percentage from 1% to 100%, or all'

export const ringSchema = z
  .strictObject({
    apiVersion,
    kind: z.literal('Ring').describe('What this document describes.'),
    geo: name('The geo that these stamps stand in.'),
    ring: name('The ring that they belong to, one of the `rings` of the federation.'),
    handles: handles.default([]),
    stamps: z.array(stamp).default([]).describe('The stamps, in the order of their release.'),
    join: z
      .strictObject({
        allow: list(text(/^[a-z0-9*-]+$/, 'a glob of stamp names, such as eu-canary-*')).describe(
          'Globs of the names that may.',
        ),
        approve: z
          .enum(['auto', 'manual'])
          .default('manual')
          .describe('Whether they are taken in at once, or after `signet stamp approve`.'),
      })
      .optional()
      .describe('Stamps that may appear by themselves.'),
    rollout: z
      .strictObject({
        concurrency: z
          .union(
            [
              z.int({ error: CONCURRENCY }).min(1, { error: CONCURRENCY }),
              text(PERCENT_PATTERN, CONCURRENCY),
            ],
            {
              error: CONCURRENCY,
            },
          )
          .default('100%')
          .describe(
            'How many stamps at once: a number of them, or a share, rounded down, at least one.',
          ),
        soak: duration('a duration of 72h at most', (durationMs) => durationMs <= FINISH_LIMIT_MS)
          .default('0s')
          .describe(
            'How long a wave must stand, without a further answer, before the next begins; after the last one too. At most 72h.',
          ),
        maxFailures: z
          .int({ error: 'a whole number, 0 or more' })
          .min(0, { error: 'a whole number, 0 or more' })
          .default(0)
          .describe(
            'More failed stamps than this stop the rollout. Whether the task has passed in the end, its `success` says.',
          ),
        minSuccess: z
          .union(
            [
              z.int({ error: MIN_SUCCESS }).min(1, { error: MIN_SUCCESS }),
              text(SHARE_PATTERN, MIN_SUCCESS),
            ],
            {
              error: MIN_SUCCESS,
            },
          )
          .optional()
          .describe(
            'How many of these stamps must pass: a number (all, where there are fewer), a share such as 80%, or all. As soon as they no longer can, the rollout stops.',
          ),
        deadline: duration('a duration above zero', (durationMs) => durationMs > 0)
          .optional()
          .describe(
            'From the begin of the wave: the rollout stops when its stamps are not done by then. Time in which it is paused does not count. Without it: six days.',
          ),
      })
      .optional()
      .describe('How a wave goes through these stamps. Without it: all of them at once.'),
  })
  .describe('One ring in one geo, and its stamps.')

/** The schema of each kind of document. */
export const schemaOf = { Federation: federationSchema, Geo: geoSchema, Ring: ringSchema } as const

export type FederationText = z.output<typeof federationSchema>
export type GeoText = z.output<typeof geoSchema>
export type RingText = z.output<typeof ringSchema>
export type TaskPolicyText = z.output<typeof taskPolicy>
export type StageRuleText = z.output<typeof stageRule>
