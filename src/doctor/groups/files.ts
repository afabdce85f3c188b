import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { CertificateFacts, FileFacts } from '../facts.ts'

/** How long before its end something is to be renewed. */
export const SOON_MS = 14 * 86_400_000
const OTHERS_MAY_READ = 0o004

/** The files that settings name: secrets and certificates. */
export const filesGroup: Group = {
  name: 'files',
  title: 'Secrets and certificates',
  checks: [
    check({
      code: 'DOC-301',
      severity: 'error',
      title: 'A file that a setting names cannot be read.',
      why: 'The agent cannot log in with it.',
      mend: 'Correct the path, mount the file, or give the agent’s user the right to read it.',
      reads: ['files'],
      judge: ({ files }) =>
        files.flatMap((file) =>
          file.unreadable === undefined ? [] : [`${told(file)}: ${file.unreadable}`],
        ),
    }),
    check({
      code: 'DOC-302',
      severity: 'warning',
      title: 'Every user of the machine can read a secret.',
      why: 'Whoever can read it is this stamp, for the servers.',
      mend: 'chmod o-r; in Kubernetes `defaultMode: 0440` of the volume, with an fsGroup.',
      reads: ['files'],
      judge: ({ files }) =>
        files
          .filter(({ isSecret, mode = 0 }) => isSecret && (mode & OTHERS_MAY_READ) !== 0)
          .map((file) => `${told(file)} has mode ${(file.mode ?? 0).toString(8).padStart(4, '0')}`),
    }),
    check({
      code: 'DOC-303',
      severity: 'error',
      title: 'A file is not what its setting wants.',
      why: 'The agent cannot log in with it, or trusts nobody.',
      mend: 'Look whether files or variables were swapped, and whether the file is whole.',
      reads: ['files'],
      judge: ({ files }) =>
        files.flatMap((file) =>
          file.problem === undefined ? [] : [`${told(file)} ${file.problem}`],
        ),
    }),
    check({
      code: 'DOC-304',
      severity: 'error',
      title: 'A certificate does not count now.',
      why: 'Servers refuse it, or we refuse theirs: no connection comes about.',
      mend: 'Renew it, or look at the clock of this machine. The agent reads the file again by itself.',
      reads: ['files', 'setup'],
      judge: ({ files, setup: { now } }) =>
        certificates(files).flatMap(([file, { name, notBefore, notAfter }]) => {
          if (now > notAfter) return [`${told(file)}: ${name} ended ${day(notAfter)}`]
          return now < notBefore ? [`${told(file)}: ${name} begins ${day(notBefore)}`] : []
        }),
    }),
    check({
      code: 'DOC-305',
      severity: 'warning',
      title: 'A certificate ends within two weeks.',
      why: 'Then no connection comes about any more.',
      mend: 'Renew it, and look why nothing has renewed it by itself. The agent reads the file again by itself.',
      reads: ['files', 'setup'],
      judge: ({ files, setup: { now } }) =>
        certificates(files)
          .filter(([, { notAfter }]) => now <= notAfter && notAfter - now < SOON_MS)
          .map(([file, { name, notAfter }]) => `${told(file)}: ${name} ends ${day(notAfter)}`),
    }),
    check({
      code: 'DOC-306',
      severity: 'error',
      title: 'A key does not belong to its certificate.',
      why: 'The TLS handshake fails.',
      mend: 'Set both to files that were made together.',
      reads: ['files'],
      judge: ({ files }) => files.filter(({ isForeign }) => isForeign === true).map(told),
    }),
    check({
      code: 'DOC-307',
      severity: 'notice',
      title: 'A client certificate is not signed by the certificates that are trusted beside it.',
      why: 'That is right only where clients and servers have different authorities.',
      mend: 'Compare the issuer of the certificate with the CA file, should the server refuse it.',
      reads: ['files'],
      judge: ({ files }) => files.filter(({ isSignedByCa }) => isSignedByCa === false).map(told),
    }),
    check({
      code: 'DOC-308',
      severity: 'error',
      title: 'Credentials have expired.',
      why: 'The server ends the connection and lets nobody in with them.',
      mend: 'Make new ones (`nsc generate creds`), and put them in the place of the file. No restart is needed.',
      reads: ['files', 'setup'],
      judge: ({ files, setup: { now } }) =>
        files
          .filter(({ expiresAt = Infinity }) => expiresAt <= now)
          .map((file) => `${told(file)} ended ${day(file.expiresAt ?? 0)}`),
    }),
    check({
      code: 'DOC-309',
      severity: 'warning',
      title: 'Credentials expire within two weeks.',
      why: 'Then the server lets nobody in with them.',
      mend: 'Make new ones, and put them in the place of the file. No restart is needed.',
      reads: ['files', 'setup'],
      judge: ({ files, setup: { now } }) =>
        files
          .filter(({ expiresAt = Infinity }) => expiresAt > now && expiresAt - now < SOON_MS)
          .map((file) => `${told(file)} ends ${day(file.expiresAt ?? 0)}`),
    }),
  ],
}

function told({ setting, path }: FileFacts): string {
  return `${setting} (${path})`
}

function certificates(
  files: readonly FileFacts[],
): readonly (readonly [FileFacts, CertificateFacts])[] {
  return files.flatMap((file) => file.certificates.map((it) => [file, it] as const))
}

/** Such as `on 2026-11-24`. */
export function day(ms: number): string {
  return `on ${new Date(ms).toISOString().slice(0, 10)}`
}
