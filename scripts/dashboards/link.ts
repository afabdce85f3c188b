import type { Board } from './dashboard.ts'
import { CHOSEN } from './dashboard.ts'

/** How the events of some stamps travel. */
export const link: Board = {
  name: 'link',
  title: 'Signet / Links',
  description:
    'The links between stamps and their control plane: whether they work, how fast, and which one is used.',
  rows: [
    {
      title: 'Whether they work',
      panels: [
        {
          kind: 'states',
          title: 'Connected',
          description:
            '`gateway` and `keptn` are the two NATS sides; `https` is the link through Keptn’s API, where a stamp has it.',
          unit: 'short',
          base: 'red',
          steps: [[1, 'green']],
          words: { 0: { text: 'down', color: 'red' }, 1: { text: 'up', color: 'green' } },
          queries: [
            {
              expr: `max by (stamp, link) (signet_link_up{${CHOSEN}})`,
              legend: '{{stamp}} {{link}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Age of the last canary',
          description:
            'Each link carries canary events both ways. Above 30 s events stand still, whatever else looks well.',
          unit: 's',
          steps: [[30, 'red']],
          queries: [
            {
              expr: `max by (stamp, link, direction) (signet_canary_age_seconds{${CHOSEN}})`,
              legend: '{{stamp}} {{link}} {{direction}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Changes of link',
          description: 'From NATS to https and back, in each hour.',
          unit: 'short',
          steps: [[5, 'orange']],
          queries: [
            {
              expr: `sum by (stamp, link, reason) (increase(signet_link_switches_total{${CHOSEN}}[1h])) or on () vector(0)`,
              legend: '{{stamp}} to {{link}}: {{reason}}',
            },
          ],
        },
        {
          kind: 'states',
          title: 'Events are kept',
          description: 'Red: the stamp has no JetStream, and what is under way is in memory only.',
          unit: 'short',
          base: 'red',
          steps: [[1, 'green']],
          words: {
            0: { text: 'in memory', color: 'red' },
            1: { text: 'in JetStream', color: 'green' },
          },
          queries: [{ expr: `max by (stamp) (signet_durable{${CHOSEN}})`, legend: '{{stamp}}' }],
        },
      ],
    },
    {
      title: 'How fast',
      panels: [
        ...(['down', 'up'] as const).map((direction) => ({
          kind: 'graph' as const,
          title: direction === 'down' ? 'Age on the way to stamps' : 'Age on the way to Keptn',
          description: `From the time in an event until it is passed on ${direction === 'down' ? 'in its stamp' : 'from its stamp'}: half of them, and all but one in twenty.`,
          unit: 's' as const,
          steps: [[60, 'red']] as const,
          queries: [0.5, 0.95].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (stamp, le) (rate(signet_event_lag_seconds_bucket{${CHOSEN},direction="${direction}"}[$__rate_interval]))) >= 0`,
            legend: `{{stamp}} ${quantile * 100} %`,
          })),
        })),
        {
          kind: 'graph',
          title: 'Events down and up',
          description: 'What agents brought into their stamps and took out of them.',
          unit: 'eps',
          queries: [
            {
              expr: `sum by (stamp, direction) (rate(signet_events_total{${CHOSEN},direction=~"down|up",result="stored"}[$__rate_interval]))`,
              legend: '{{stamp}} {{direction}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Waiting and in flight',
          description:
            'Messages before a consumer, and events that were taken and are not acknowledged yet.',
          unit: 'short',
          queries: [
            {
              expr: `max by (stamp, direction) (signet_consumer_pending{${CHOSEN}})`,
              legend: '{{stamp}} {{direction}} waiting',
            },
            {
              expr: `max by (stamp, direction) (signet_in_flight{${CHOSEN}})`,
              legend: '{{stamp}} {{direction}} in flight',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Duplicates dropped',
          description:
            'A few after a restart are what it is for; a steady stream is a sender that repeats itself.',
          unit: 'eps',
          steps: [[1, 'orange']],
          queries: [
            {
              expr: `sum by (stamp, direction) (rate(signet_duplicates_total{${CHOSEN}}[$__rate_interval])) or on () vector(0)`,
              legend: '{{stamp}} {{direction}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Where NATS is not',
      panels: [
        {
          kind: 'graph',
          title: 'Polls',
          description:
            'Rounds in which stamps asked Keptn’s API for events, by whether all questions were answered.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (stamp, result) (rate(signet_polls_total{${CHOSEN}}[$__rate_interval])) or on () vector(0)`,
              legend: '{{stamp}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Keptn did not tell of stamps that poll',
          description:
            'Questions of the hub for the registrations of stamps on an https link that got no answer, in each five minutes.',
          unit: 'short',
          steps: [[1, 'orange']],
          queries: [
            {
              expr: 'sum by (stamp) (increase(signet_stamp_checks_failed_total[5m]))',
              legend: 'hub {{stamp}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Posts to Keptn’s API',
          description:
            '`found`: the end was unclear, and the event had arrived. `retried`: it is sent again.',
          unit: 'eps',
          queries: [
            {
              expr: `sum by (stamp, result) (rate(signet_api_sends_total{${CHOSEN}}[$__rate_interval])) or on () vector(0)`,
              legend: '{{stamp}} {{result}}',
            },
          ],
        },
      ],
    },
  ],
}
