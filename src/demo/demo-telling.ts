import { counted } from '../domain/render/layout.ts'
import type { News } from './demo-board.ts'
import type { Line } from '../view/line.ts'
import { duration, verdict } from '../view/line.ts'
import { demoNames } from './demo-plan.ts'

/** A piece of news as one line, for output that is no terminal; undefined for what is not worth one. */
export function tell(news: News): Line | undefined {
  const at = duration(news.at).padStart(7)
  switch (news.kind) {
    case 'servers':
      return [at, `  ${counted(news.count, 'NATS server')} running`]
    case 'agents':
      return news.ready.length === 0
        ? undefined
        : [at, `  ${news.ready.length} of ${news.of} agents ready`]
    case 'triggered':
      return [at, `  ${demoNames.sequence} of ${demoNames.project}/${demoNames.service} triggered`]
    case 'stamp': {
      const { stamp, task, verb, result } = news
      if (verb === 'triggered') return undefined
      if (verb === 'started') return [at, '    ', ['name', stamp], `  ${task} started`]
      return [at, '    ', ['name', stamp], `  ${task} `, verdict(result)]
    }
    case 'stage started':
      return [at, '  ', ['strong', news.stage], ' started']
    case 'task triggered':
      return [at, '  ', ['strong', news.stage], `: ${news.task} triggered`]
    case 'task completed':
      return [at, '  ', ['strong', news.stage], `: ${news.task} `, verdict(news.result)]
    case 'stage finished':
      return [at, '  ', ['strong', news.stage], ' ', verdict(news.result)]
  }
}
