import { GROUPS, isOffline } from './table.ts'

/** `docs/doctor.md`: every check, from the table. */
export function doctorPage(): string {
  const count = GROUPS.reduce((total, { checks }) => total + checks.length, 0)
  return [
    '<!-- Generated from src/doctor by `npm run docs`; do not edit. -->',
    '',
    '# The checks of `signet doctor`',
    '',
    ...INTRODUCTION(count),
    '',
    ...GROUPS.flatMap(({ title, name, checks }) => [
      `## ${title}`,
      '',
      `\`--only ${name}\``,
      '',
      ...checks.flatMap((check) => [
        `### ${check.code}`,
        '',
        `${check.severity}${isOffline(check) ? ', also offline' : ''}. **${check.title}**`,
        '',
        check.why,
        '',
        `_Mend:_ ${check.mend}`,
        '',
      ]),
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n')
}

const INTRODUCTION = (count: number): readonly string[] => [
  `\`signet doctor\` looks at a stamp with the settings of its agent, and tells what is wrong, why it matters and how to mend`,
  `it: ${count} checks. Run it where the agent runs (\`kubectl exec\`), or anywhere with the same environment variables. It needs`,
  'no agent and no hub; where they answer, it asks them too. It makes nothing, changes nothing and never holds the lease.',
  '',
  '| flag | does |',
  '| --- | --- |',
  '| `--offline` | only what settings, topology and files say: no server is asked |',
  '| `--only CODE\\|GROUP`, `--skip CODE\\|GROUP` | only these checks, or all but these; may be repeated |',
  '| `--strict` | warnings count as well |',
  '| `--list` | every check, and nothing is done |',
  '| `--agent-url URL` | where the agent’s admin port is, if it is not this machine |',
  '| `--all` | lists also what is well, and what could not be looked at |',
  '| `--json` | the answer as JSON |',
  '',
  'Exit code 0: nothing is wrong; warnings and notices may be there, unless `--strict`. 1: something is wrong. 2: settings or',
  'topology cannot be read: mend them first. What could not be looked at is counted and told with `--all`; it is no failure: a',
  'stamp may not look into the hub store, for example, so run it in the home stamp as well.',
  '',
  'To learn what this user may do that it should not, it tries: a listener for a stamp `signet-doctor`, which does not exist, a message in',
  'that stamp’s name which no stream takes (its `Nats-Expected-Stream` names none), and a request to make a stream that is no request. Where',
  'permissions are as they should be, the server’s log has `Violation` lines with these subjects, and with `control` and `STREAM.NAMES`',
  'where a stamp may not ask the hub or list streams.',
]
