/**
 * Names of federation, geo, ring, stamp and control plane: a token in a subject, a DNS label and a
 * metric label at once (DESIGN 4).
 */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** The rule in words, for error messages. */
export const NAME_RULE =
  'lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit'

/** Whether `text` may be the name of a federation, geo, ring, stamp or control plane. */
export function isName(text: string): boolean {
  return NAME.test(text)
}
