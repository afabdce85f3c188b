import type { Board } from './dashboard.ts'
import { CHOSEN } from './dashboard.ts'

/** How tasks go through rings and stamps. */
export const rollout: Board = {
  name: 'rollout',
  title: 'Signet / Rollouts',
  description:
    'Tasks that go out to stamps: where they stand, how long they take, how they end. `signet rollout ls` has each of them by name.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          kind: 'value',
          title: 'Open tasks',
          description:
            'Running; paused by hand or in Keptn; stopped, with stamps that are still waited for.',
          unit: 'short',
          width: 8,
          base: 'text',
          queries: [{ expr: 'sum by (result) (signet_fanouts_by_state)', legend: '{{result}}' }],
        },
        {
          kind: 'value',
          title: 'Failed in the time shown',
          description: 'Tasks whose one answer to Keptn was `fail`.',
          unit: 'short',
          width: 8,
          steps: [[1, 'orange']],
          queries: [
            {
              expr: 'sum(increase(signet_fanout_duration_seconds_count{result="fail"}[$__range])) or on () vector(0)',
              legend: '',
            },
          ],
        },
        {
          kind: 'value',
          title: 'Keptn did not say whether it is paused',
          description:
            'Questions to shipyard-controller before a wave that got no answer, in the time shown.',
          unit: 'short',
          width: 8,
          steps: [[1, 'orange']],
          queries: [
            { expr: 'sum(increase(signet_pause_checks_failed_total[$__range]))', legend: '' },
          ],
        },
      ],
    },
    {
      title: 'Stamps of open tasks',
      panels: [
        {
          kind: 'stack',
          title: 'By where they stand',
          description:
            '`pending`: their turn has not come; `waiting`: they have the task and have not answered; then `running`, and how they ended.',
          unit: 'short',
          queries: [
            { expr: 'sum by (result) (signet_fanout_stamps{ring=~"$ring"})', legend: '{{result}}' },
          ],
        },
        {
          kind: 'stack',
          title: 'Not done, by ring',
          description: 'Rings empty one after the other where a task goes in waves.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (ring) (signet_fanout_stamps{ring=~"$ring",result=~"pending|waiting|running"})',
              legend: '{{ring}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Tasks',
      panels: [
        {
          kind: 'graph',
          title: 'Tasks that ended',
          description:
            'In each five minutes, by how: the result that Keptn got, or that nobody was waited for any more.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (task, result) (increase(signet_fanout_duration_seconds_count[5m]))',
              legend: '{{task}} {{result}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'How long they took',
          description:
            'From the .triggered to the one .finished: half of the tasks, and all but one in twenty.',
          unit: 's',
          queries: [0.5, 0.95].map((quantile) => ({
            expr: `histogram_quantile(${quantile}, sum by (task, le) (rate(signet_fanout_duration_seconds_bucket[$__rate_interval]))) >= 0`,
            legend: `{{task}} ${quantile * 100} %`,
          })),
        },
        {
          kind: 'graph',
          title: 'Stamps for each task',
          description: 'How many stamps a task went to, on average.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (task) (increase(signet_fanout_targets_sum[$__rate_interval])) / (sum by (task) (increase(signet_fanout_targets_count[$__rate_interval])) > 0)',
              legend: '{{task}}',
            },
          ],
        },
        {
          kind: 'graph',
          title: 'Late, and held back',
          description:
            'Answers that came after their task was over, in each five minutes; and tasks that wait in a stamp for an integration to come back.',
          unit: 'short',
          steps: [[1, 'orange']],
          queries: [
            {
              expr: `sum by (stamp) (increase(signet_late_answers_total{${CHOSEN}}[5m])) or on () vector(0)`,
              legend: 'late answer {{stamp}}',
            },
            { expr: `max by (stamp) (signet_held_triggered{${CHOSEN}})`, legend: 'held {{stamp}}' },
          ],
        },
      ],
    },
  ],
}
