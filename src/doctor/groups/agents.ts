import { check, Unseen } from '../check.ts'
import type { Group, Verdict } from '../check.ts'
import type { AgentFacts, FactValues } from '../facts.ts'

/** After which the link counts as dead (DESIGN 7.12). */
const OLD_CANARY_S = 30

type Agent = Extract<AgentFacts, { kind: 'agent' }>

/** The agents of this stamp, and the one beside us. */
export const agentsGroup: Group = {
  name: 'agents',
  title: 'Agents of this stamp',
  checks: [
    check({
      code: 'DOC-801',
      severity: 'error',
      title: 'Agents are there, and none of them leads.',
      why: 'Nothing is delivered and nothing collected.',
      mend: 'Wait ten seconds and look again: one takes over. Then look at the server of the lease; at home that is the hub store.',
      reads: ['lease'],
      judge: ({ lease: { leader, agents } }) =>
        leader === undefined && agents.length > 0 ? agents.map(({ id }) => id) : [],
    }),
    check({
      code: 'DOC-802',
      severity: 'warning',
      title: 'No agent of this stamp is there.',
      why: 'Events wait; integrations find no Keptn.',
      mend: 'Start one, and look why its pod does not run.',
      reads: ['lease', 'setup'],
      judge: ({ lease, setup }) =>
        lease.agents.length === 0 ? [`stamp ${setup.settings.stamp}`] : [],
    }),
    check({
      code: 'DOC-803',
      severity: 'warning',
      title: 'Agents of this stamp have different versions.',
      why: 'Which of them leads decides what happens; a rollout of the agent has stopped half-way.',
      mend: 'Look at the rollout of the DaemonSet.',
      reads: ['lease'],
      judge: ({ lease: { agents } }) =>
        new Set(agents.map(({ version }) => version)).size > 1
          ? [agents.map(({ id, version }) => `${id} ${version}`).join(', ')]
          : [],
    }),
    check({
      code: 'DOC-804',
      severity: 'notice',
      title: 'No agent answers beside this command.',
      why: 'What only it knows could not be looked at.',
      mend: 'Run the command where an agent runs, or name its address with --agent-url.',
      reads: ['agent'],
      judge: ({ agent }) => (agent.kind === 'silent' ? [`${agent.url}: ${agent.why}`] : []),
    }),
    check({
      code: 'DOC-805',
      severity: 'error',
      title: 'Something else listens at the admin port.',
      why: 'An agent cannot open it, or probes and metrics ask somebody else.',
      mend: 'Choose another SIGNET_ADMIN_PORT, or end the other program.',
      reads: ['agent'],
      judge: ({ agent }) => (agent.kind === 'stranger' ? [agent.url] : []),
    }),
    check({
      code: 'DOC-806',
      severity: 'error',
      title: 'The agent beside this command is of another stamp.',
      why: 'It and these settings were not meant for each other: the answers below are of two stamps.',
      mend: 'Run the command with the environment of that agent.',
      reads: ['agent', 'setup'],
      judge: ({ agent, setup: { settings, topology } }) =>
        ofAgent(agent, ({ federation, stamp }) =>
          federation === topology.federation && stamp === settings.stamp
            ? []
            : [`it is ${stamp} of ${federation}`],
        ),
    }),
    check({
      code: 'DOC-807',
      severity: 'error',
      title: 'The agent is not ready.',
      why: 'Something that it needs does not work.',
      mend: 'docs/operations.md#not-ready has each reason.',
      reads: ['agent'],
      judge: ({ agent }) => ofAgent(agent, ({ reasons }) => reasons),
    }),
    check({
      code: 'DOC-808',
      severity: 'warning',
      title: 'The agent works, and something is weaker than it should be.',
      why: 'It says so itself.',
      mend: 'docs/operations.md#not-ready has each warning.',
      reads: ['agent'],
      judge: ({ agent }) => ofAgent(agent, ({ warnings }) => warnings),
    }),
    check({
      code: 'DOC-809',
      severity: 'warning',
      title: 'The agent runs with another topology than the one here.',
      why: 'What is checked here is not what it does.',
      mend: 'Give this command the folder of the agent; or see docs/operations.md#a-reload-is-refused.',
      reads: ['agent', 'setup'],
      judge: ({ agent, setup: { revision } }) =>
        ofAgent(agent, ({ topology }) =>
          topology === '' || topology === revision ? [] : [`${topology}, here ${revision}`],
        ),
    }),
    check({
      code: 'DOC-810',
      severity: 'notice',
      title: 'The agent is of another version than this command.',
      why: 'What it makes may be other than what is checked here.',
      mend: 'Run the command of the same image.',
      reads: ['agent', 'setup'],
      judge: ({ agent, setup }) =>
        ofAgent(agent, ({ version }) =>
          version === setup.version ? [] : [`${version}, this is ${setup.version}`],
        ),
    }),
    check({
      code: 'DOC-811',
      severity: 'warning',
      title: 'Integrations of this stamp have stopped pinging.',
      why: 'Their tasks are held back until they come back, and fail after startTimeout.',
      mend: 'Do their pods run, and do they reach the agent? If they are gone for good, their registration goes after a day.',
      reads: ['agent'],
      judge: ({ agent }) => ofAgent(agent, ({ silent }) => silent),
    }),
    check({
      code: 'DOC-812',
      severity: 'error',
      title: 'No canary has come through for half a minute.',
      why: 'The link looks alive and carries nothing.',
      mend: 'Look at both ends of that link: the log of this agent and of the hub, and the gateways in between.',
      reads: ['agent'],
      judge: ({ agent }) =>
        ofAgent(agent, ({ canaries }) =>
          canaries
            .filter(({ ageS }) => ageS > OLD_CANARY_S)
            .map(({ way, ageS }) => `${way}: ${Math.round(ageS)} s`),
        ),
    }),
  ],
}

function ofAgent(agent: FactValues['agent'], judge: (agent: Agent) => readonly string[]): Verdict {
  return agent.kind === 'agent' ? judge(agent) : new Unseen('no agent answers here')
}
