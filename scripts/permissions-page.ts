import {
  hubRights,
  operatorRights,
  readerRights,
  stampRights,
  storeRights,
} from '../src/domain/nats-access/gateway-rights.ts'
import {
  agentRights,
  homeAgentRights,
  integrationRights,
  keptnRights,
} from '../src/domain/nats-access/keptn-rights.ts'
import type { Rights } from '../src/domain/nats-access/rights.ts'
import { rightsTable } from '../src/domain/nats-access/rights-table.ts'

const SCOPE = { federation: 'F', controlPlane: 'C' }
const PLANE = { scope: SCOPE, storeDomain: '<domain>', home: '<home>' }
const STAMP = '<stamp>'

/** `docs/permissions.md`: the rights of every kind of user, from the code that makes configurations of them. */
export function permissionsPage(): string {
  return [
    '<!-- Generated from src/domain/nats-access by `npm run docs`; do not edit. -->',
    '',
    '# Permissions',
    '',
    'What each user may publish (_says_) and subscribe to (_hears_) where servers have the accounts of',
    '`signet topology nats-config`. `F` is the federation and `C` a control plane; with several, a stamp has the rights',
    'for each. [security.md](security.md) says what that is for.',
    '',
    '## Gateway servers',
    '',
    section(
      '`stamp-<stamp>`: the agents of a stamp',
      stampRights(PLANE, { geo: '<geo>', stamp: STAMP }),
    ),
    section('`hub-C`: the agents of the home stamp', hubRights(PLANE)),
    section('`store-C`: the leaf link of the hub store', storeRights(PLANE)),
    section('`reader`: people who may look', readerRights(SCOPE)),
    section('`operator`: people who may change something', operatorRights(SCOPE)),
    '## Keptn NATS of a stamp',
    '',
    section('`agent-<stamp>`: the agents', agentRights(STAMP, [SCOPE])),
    section('`keptn`: integrations, without credentials', integrationRights(STAMP)),
    '## Keptn NATS of a home stamp',
    '',
    section('`agent-<home>`: the agents', homeAgentRights('<home>')),
    section('`keptn`: Keptn and integrations, without credentials', keptnRights('<home>')),
  ].join('\n')
}

function section(title: string, rights: Rights): string {
  return `### ${title}\n\n${rightsTable(rights)}`
}
