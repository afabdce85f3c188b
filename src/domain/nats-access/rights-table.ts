import type { User } from './accounts.ts'
import type { Rights } from './rights.ts'

/** What a user may, as a table in Markdown. */
export function rightsTable({ says, hears, hearsNot = [] }: Rights): string {
  const rows = [
    ...says.map(({ subject, why }) => row('says', subject, why)),
    ...hears.map(({ subject, why }) => row('hears', subject, why)),
    ...hearsNot.map((subject) => row('never hears', subject, 'inboxes of the agents')),
  ]
  return ['| | subject | for |', '| --- | --- | --- |', ...rows, ''].join('\n')
}

/** A heading and the table of a user's rights. */
export function userSection({ name, about, rights, open }: User): string {
  const who = `### \`${name}\`\n\n${about[0]?.toUpperCase() ?? ''}${about.slice(1)}.`
  const free = open === true ? ' Nobody has to show anything to be this user.' : ''
  if (rights === undefined) return `${who} May do everything in this account.\n`
  return `${who}${free}\n\n${rightsTable(rights)}`
}

function row(verb: string, subject: string, why: string): string {
  return `| ${verb} | \`${subject}\` | ${why} |`
}
