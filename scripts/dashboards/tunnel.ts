import type { Board } from './dashboard.ts'
import { CHOSEN } from './dashboard.ts'

/** How integrations in stamps reach Keptn's services. */
export const tunnel: Board = {
  name: 'tunnel',
  title: 'Signet / Tunnel',
  description:
    'Calls of integrations to Keptn’s services: `entry` is the stamp that asks, `exit` the home stamp that calls.',
  rows: [
    {
      title: 'Calls',
      panels: [
        {
          kind: 'graph',
          title: 'Calls by what became of them',
          description: '`cached`: answered in the stamp, from a copy of what cannot change.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (direction, result) (rate(signet_tunnel_requests_total{${CHOSEN}}[$__rate_interval]))`,
              legend: '{{direction}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Failed and refused, by reason',
          description: 'The reasons are those of docs/operations.md, "Calls to Keptn’s API fail".',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (direction, reason) (rate(signet_tunnel_requests_total{${CHOSEN},reason!=""}[$__rate_interval])) or on () vector(0)`,
              legend: '{{direction}} {{reason}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Calls by stamp',
          description: 'Who asks how much.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (stamp) (rate(signet_tunnel_requests_total{${CHOSEN},direction="entry"}[$__rate_interval]))`,
              legend: '{{stamp}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Share that failed, by stamp',
          description: 'Calls without an answer of the service, refused ones included.',
          unit: 'percentunit',
          steps: [[0.05, 'red']],
          queries: [
            {
              expr: `(sum by (stamp) (rate(signet_tunnel_requests_total{${CHOSEN},direction="entry",result="failed"}[$__rate_interval])) or 0 * sum by (stamp) (rate(signet_tunnel_requests_total{${CHOSEN},direction="entry"}[$__rate_interval]))) / (sum by (stamp) (rate(signet_tunnel_requests_total{${CHOSEN},direction="entry"}[$__rate_interval])) > 0) or on () vector(0)`,
              legend: '{{stamp}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Time to the beginning of an answer',
      panels: (['entry', 'exit'] as const).map((direction) => ({
        kind: 'graph' as const,
        title: direction === 'entry' ? 'As stamps see it' : 'As the hub sees it',
        description:
          direction === 'entry'
            ? 'With the way to the hub and back.'
            : 'Keptn’s services alone. What is slow here is slow without Signet.',
        unit: 's' as const,
        steps: [[5, 'red']] as const,
        queries: [0.5, 0.95, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (stamp, le) (rate(signet_tunnel_request_seconds_bucket{${CHOSEN},direction="${direction}"}[$__rate_interval]))) >= 0`,
          legend: `{{stamp}} ${quantile * 100} %`,
        })),
      })),
    },
    {
      title: 'What agents tell Keptn',
      panels: [
        {
          kind: 'graph',
          title: 'Registrations',
          description:
            'Calls that tell the control plane of integrations. `unknown`: Keptn had forgotten one, and it registers again.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (stamp, result) (rate(signet_registration_calls_total{${CHOSEN}}[$__rate_interval]))`,
              legend: '{{stamp}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Error logs and posts of integrations',
          description:
            'Logs on their way to the Bridge, and events posted to recipients that the agent speaks for.',
          unit: 'eps',
          queries: [
            {
              expr: `sum by (stamp, result) (rate(signet_integration_logs_total{${CHOSEN}}[$__rate_interval])) or on () vector(0)`,
              legend: 'log {{stamp}} {{result}}',
            },
            {
              expr: `sum by (stamp, result) (rate(signet_recipient_posts_total{${CHOSEN}}[$__rate_interval])) or on () vector(0)`,
              legend: 'post {{stamp}} {{result}}',
            },
          ],
        },
      ],
    },
  ],
}
