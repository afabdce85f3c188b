import type { Board } from './dashboard.ts'
import { CHOSEN, PLACES } from './dashboard.ts'

/** Is all of it well, and if not, which stamp. */
export const federation: Board = {
  name: 'federation',
  title: 'Signet / Federation',
  description: 'All stamps at a glance: who is there, what flows, what was given up.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'value',
          title: 'Stamps heard of',
          description: 'Stamps of the chosen geos and rings whose agents the hub hears.',
          unit: 'short',
          base: 'text',
          queries: [
            { expr: `sum(max by (geo, ring) (signet_stamps_online{${PLACES}}))`, legend: '' },
          ],
        },
        {
          kind: 'value',
          title: 'Stamps silent',
          description:
            'Stamps that belong to the federation and are not heard. Tasks wait for them, skip them or fail.',
          unit: 'short',
          steps: [[1, 'red']],
          queries: [
            {
              expr: `sum(max by (geo, ring) (signet_stamps_known{${PLACES}}) - max by (geo, ring) (signet_stamps_online{${PLACES}}))`,
              legend: '',
            },
          ],
        },
        {
          kind: 'value',
          title: 'Stamps without a leader',
          description:
            'Agents run there, and none of them delivers. For a few seconds in a takeover that is as it should be.',
          unit: 'short',
          steps: [[1, 'red']],
          queries: [
            {
              expr: `count(max by (geo, ring, stamp) (signet_leader{${CHOSEN}}) == 0) or on () vector(0)`,
              legend: '',
            },
          ],
        },
        {
          kind: 'value',
          title: 'Links down',
          description: 'Links of agents that are not connected, all stamps counted.',
          unit: 'short',
          steps: [[1, 'red']],
          queries: [
            { expr: `count(signet_link_up{${CHOSEN}} == 0) or on () vector(0)`, legend: '' },
          ],
        },
        {
          kind: 'value',
          title: 'Tasks under way',
          description: 'Tasks that went out to stamps and wait for answers.',
          unit: 'short',
          base: 'text',
          queries: [{ expr: 'sum(signet_fanouts_open)', legend: '' }],
        },
        {
          kind: 'value',
          title: 'Dead letters',
          description:
            'Events that were set aside in the time that is shown; docs/operations.md says how to look at them.',
          unit: 'short',
          steps: [[1, 'orange']],
          queries: [
            {
              expr: `sum(increase(signet_dead_letters_total{${CHOSEN}}[$__range])) or on () vector(0)`,
              legend: '',
            },
          ],
        },
      ],
    },
    {
      title: 'Stamps',
      panels: [
        {
          kind: 'graph',
          title: 'Stamps heard of, by ring',
          description: 'As the hub sees it. A step down is a stamp that went silent.',
          unit: 'short',
          queries: [
            {
              expr: `max by (geo, ring) (signet_stamps_online{${PLACES}})`,
              legend: '{{geo}} {{ring}}',
            },
          ],
        },
        {
          kind: 'states',
          title: 'Leaders',
          description:
            'Whether one agent of the stamp leads it. Red for longer than ten seconds: see the runbook of SignetNoLeader.',
          unit: 'short',
          base: 'red',
          steps: [
            [1, 'green'],
            [2, 'orange'],
          ],
          words: {
            0: { text: 'none', color: 'red' },
            1: { text: 'one', color: 'green' },
            2: { text: 'two', color: 'orange' },
          },
          queries: [{ expr: `sum by (stamp) (signet_leader{${CHOSEN}})`, legend: '{{stamp}}' }],
        },
        {
          kind: 'graph',
          title: 'Integrations alive',
          description:
            'Registered integrations of each stamp that have given a sign of life. All agents of a stamp know the same ones.',
          unit: 'short',
          queries: [
            { expr: `max by (stamp) (signet_registrations{${CHOSEN}})`, legend: '{{stamp}}' },
          ],
        },
        {
          kind: 'graph',
          title: 'Tasks held back, recipients down',
          description:
            'Tasks that wait for an integration to come back, and integrations that the agent posts to and that do not answer.',
          unit: 'short',
          steps: [[1, 'orange']],
          queries: [
            { expr: `max by (stamp) (signet_held_triggered{${CHOSEN}})`, legend: '{{stamp}} held' },
            {
              expr: `max by (stamp) (signet_recipients_down{${CHOSEN}})`,
              legend: '{{stamp}} recipients down',
            },
          ],
        },
      ],
    },
    {
      title: 'Events',
      panels: [
        {
          kind: 'graph',
          title: 'Events by what became of them',
          description: '`route` and `answer` are at the hub, `down` and `up` in the stamps.',
          unit: 'eps',
          queries: [
            {
              expr: `sum by (direction, result) (rate(signet_events_total{${CHOSEN}}[$__rate_interval]))`,
              legend: '{{direction}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Age of events when they are passed on (95 %)',
          description:
            'From the time in the event. Clocks that differ between stamps show here too.',
          unit: 's',
          steps: [[60, 'red']],
          queries: [
            {
              expr: `histogram_quantile(0.95, sum by (stamp, direction, le) (rate(signet_event_lag_seconds_bucket{${CHOSEN}}[$__rate_interval]))) >= 0`,
              legend: '{{stamp}} {{direction}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Events that wait',
          description:
            'Messages that a consumer has not handed out. Rising: an agent is too slow, or stands still.',
          unit: 'short',
          steps: [[100, 'red']],
          queries: [
            {
              expr: `max by (stamp, direction) (signet_consumer_pending{${CHOSEN}})`,
              legend: '{{stamp}} {{direction}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Given up',
          description:
            'Events set aside, answers that came too late, and what residency rules kept back, in each five minutes.',
          unit: 'short',
          steps: [[1, 'orange']],
          queries: [
            {
              expr: `sum by (stamp, reason) (increase(signet_dead_letters_total{${CHOSEN}}[5m])) or on () vector(0)`,
              legend: 'dead letter {{stamp}} {{reason}}',
            },
            {
              expr: `sum by (stamp) (increase(signet_late_answers_total{${CHOSEN}}[5m])) or on () vector(0)`,
              legend: 'late answer {{stamp}}',
            },
            {
              expr: `sum by (geo, reason) (increase(signet_residency_refusals_total{${CHOSEN}}[5m])) or on () vector(0)`,
              legend: 'residency {{geo}} {{reason}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Agents',
      panels: [
        {
          kind: 'graph',
          title: 'Memory',
          description: 'Resident memory of each agent.',
          unit: 'bytes',
          queries: [
            {
              expr: `process_resident_memory_bytes{${CHOSEN}} and on (instance, stamp) signet_leader{${CHOSEN}}`,
              legend: '{{stamp}} {{instance}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Processor',
          description: 'Share of one processor that each agent takes.',
          unit: 'percentunit',
          queries: [
            {
              expr: `rate(process_cpu_seconds_total{${CHOSEN}}[$__rate_interval]) and on (instance, stamp) signet_leader{${CHOSEN}}`,
              legend: '{{stamp}} {{instance}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Lateness of the event loop (99 %)',
          description:
            'Above a second an agent is short of processor time; a leader may lose its lease.',
          unit: 's',
          steps: [[1, 'red']],
          queries: [
            {
              expr: `nodejs_eventloop_lag_p99_seconds{${CHOSEN}} and on (instance, stamp) signet_leader{${CHOSEN}}`,
              legend: '{{stamp}} {{instance}}',
            },
          ],
        },
        {
          kind: 'states',
          title: 'Files that are not taken over',
          description:
            'Orange: the topology or settings differ from what the agents of the stamp run with.',
          unit: 'short',
          steps: [[1, 'orange']],
          words: {
            0: { text: 'taken over', color: 'green' },
            1: { text: 'pending', color: 'orange' },
          },
          queries: [
            { expr: `max by (stamp) (signet_reload_pending{${CHOSEN}})`, legend: '{{stamp}}' },
          ],
        },
      ],
    },
  ],
}
