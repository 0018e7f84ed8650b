// Every secret of a run is looked for in everything that it has left behind or said (reset.md, I5): the database with its
// log and free pages, the files beside it, what the processes have printed, the record, HTTP and SMTP.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { linkTaint, pinTaint, type Tainted, taintOf, told } from '../taint.ts';
import { firstPassword, type Installation } from './installation.ts';
import { type Ledger, linkOf } from './ledger.ts';
import { pinIterations } from './people.ts';
import type { Exchange } from './wire.ts';

/** Labels of what may be where: see promise 5 of reset.md. */
const allowedInRequest = (path: string, label: string): boolean =>
  (path === '/api/resets' && (label === 'typed password' || label === 'PIN')) ||
  (path.startsWith('/r/') && label.endsWith('proof')) ||
  path.startsWith('/signin');
/** The mail's own secret is the link. */
const allowedInMail = (label: string): boolean => label === 'mail link key' || label === 'mail link code';

/** Sentences about what was found, and how many secrets were looked for. */
export async function leaks(
  installation: Installation,
  ledger: Ledger,
  exchanges: readonly Exchange[],
  audit: string,
): Promise<{ secrets: number; leaks: string[] }> {
  const secrets: Tainted[] = [{ label: 'first password', value: firstPassword }];
  for (const { bytes, to } of installation.mail.taken) {
    const link = await linkOf(bytes);
    const pin = ledger.started.find(({ address }) => address === to)?.pin;
    secrets.push(
      ...(await linkTaint('mail', { ...link, ...(pin === undefined ? {} : { pin }), iterations: pinIterations })),
    );
  }
  for (const { pin, created, shown } of ledger.started) {
    if (pin !== undefined) secrets.push(...pinTaint('PIN', pin));
    if (created !== undefined) secrets.push({ label: 'typed password', value: created });
    for (const value of shown) if (value !== created) secrets.push({ label: 'password', value });
  }
  const typed = new Set(ledger.started.flatMap(({ created }) => created ?? []));
  for (const [operation, values] of installation.told) {
    const label = operation.startsWith('scramble:') ? 'scrambled password' : 'password';
    for (const value of values) if (!typed.has(value)) secrets.push({ label, value });
  }
  for (const values of ledger.chosen.values())
    for (const value of values) secrets.push({ label: 'chosen password', value });

  const taint = taintOf(secrets);
  const found = [
    ...filesUnder(installation.folder).flatMap((path) => taint.findFile(path, path.slice(installation.folder.length))),
    ...taint.find('what the processes have printed', installation.output()),
    ...taint.find('the record', audit),
    ...exchanges.flatMap(({ method, path, sent, received }) => [
      ...taint.find(`a request ${method} ${where(path)}`, sent).filter(({ label }) => !allowedInRequest(path, label)),
      ...taint.find(`an answer to ${method} ${where(path)}`, received),
    ]),
    ...taint.find('SMTP commands', installation.mail.said.commands.join('\n')),
    ...installation.mail.said.bodies.flatMap((bytes) =>
      taint.find('a mail', bytes).filter(({ label }) => !allowedInMail(label)),
    ),
  ];
  return { secrets: secrets.length, leaks: told(found) };
}

const where = (path: string) => path.replace(/^\/r\/[\w-]+/, '/r/…').split('?')[0];

function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name === 'compiled') return [];
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });
}
