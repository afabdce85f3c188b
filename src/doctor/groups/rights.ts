import { check, Unseen } from '../check.ts'
import type { Group, Verdict } from '../check.ts'
import type { RightsFacts } from '../facts.ts'

const ACCOUNTS =
  'Give the servers the accounts of `signet topology nats-config`, where each stamp is one; see docs/security.md.'

/** What this stamp's user may do on the gateway NATS, and what it should not. */
export const rightsGroup: Group = {
  name: 'rights',
  title: 'Permissions on the gateway NATS',
  checks: [
    check({
      code: 'DOC-701',
      severity: 'warning',
      title: 'This stamp may speak for other stamps.',
      why: 'Who gets hold of its credentials can forge the answers of every stamp.',
      mend: ACCOUNTS,
      reads: ['rights'],
      judge: ({ rights }) => allowed(rights, ({ speaksForOthers }) => speaksForOthers),
    }),
    check({
      code: 'DOC-702',
      severity: 'warning',
      title: 'This stamp may listen to what goes to other stamps.',
      why: 'Who gets hold of its credentials reads the events of every stamp and geo.',
      mend: ACCOUNTS,
      reads: ['rights'],
      judge: ({ rights }) => allowed(rights, ({ hearsOthers }) => hearsOthers),
    }),
    check({
      code: 'DOC-703',
      severity: 'warning',
      title: 'This stamp may make and delete streams in the hub store.',
      why: 'Who gets hold of its credentials can take the events of the whole federation away.',
      mend: ACCOUNTS,
      reads: ['rights'],
      judge: ({ rights }) => allowed(rights, ({ makesStreams }) => makesStreams),
    }),
    check({
      code: 'DOC-704',
      severity: 'error',
      title: 'This stamp lacks rights that it needs.',
      why: 'Its agent cannot do its work; the server’s log has `Permissions Violation`.',
      mend: 'Make the accounts again with `signet topology nats-config` from the topology of now, and reload the servers.',
      reads: ['rights'],
      judge: ({ rights }) =>
        rights.flatMap(({ controlPlane, lacks }) =>
          lacks.map((what) => `${controlPlane}: ${what}`),
        ),
    }),
  ],
}

function allowed(
  rights: readonly RightsFacts[],
  of: (rights: RightsFacts) => boolean | undefined,
): Verdict {
  if (rights.length > 0 && rights.every((it) => of(it) === undefined))
    return new Unseen('the server does not say')
  return rights
    .filter((it) => of(it) === true)
    .map(({ controlPlane }) => `control plane ${controlPlane}`)
}
