// The torture run: several installations at once, each through many rounds, and one table at the end.

import { command } from '../serving.ts';
import type { Found } from './check.ts';
import { drawOf } from './draw.ts';
import { type Installation, tortureInstallation } from './installation.ts';
import { leaks } from './leaks.ts';
import { newLedger } from './ledger.ts';
import { type Breach, plans } from './plan.ts';
import { round } from './round.ts';

export interface TortureOptions {
  readonly seed: number;
  /** Installations side by side. */
  readonly lanes: number;
  /** Ends after so many kills over all, or at this time (milliseconds since the epoch). */
  readonly kills: number;
  readonly until: number;
  readonly breach?: Breach;
  readonly say?: (line: string) => void;
  readonly people?: number;
  /** Milliseconds between the bytes of a dripping mail server. */
  readonly drip?: number;
  /** Ends with the first violation. */
  readonly first?: boolean;
}

export interface Report {
  readonly seed: number;
  rounds: number;
  resets: number;
  kills: number;
  mails: number;
  duplicates: number;
  lost: number;
  secondPasswords: number;
  /** Secrets that were looked for, and where one was found. */
  secrets: number;
  leaks: number;
  readonly violations: { readonly lane: number; readonly round: number; readonly text: string }[];
  readonly histories: string[];
  readonly hits: Map<string, number>;
  readonly troubles: Map<string, number>;
  readonly states: Map<string, number>;
}

const perRound = 4;

/** Tortures; never throws for what it finds. */
export async function torture(options: TortureOptions): Promise<Report> {
  const report: Report = {
    ...{ seed: options.seed, rounds: 0, resets: 0, kills: 0, mails: 0, duplicates: 0, lost: 0, secondPasswords: 0 },
    ...{ secrets: 0, leaks: 0, violations: [], histories: [] },
    ...{ hits: new Map(), troubles: new Map(), states: new Map() },
  };
  const draws = drawOf(options.seed);
  const lanes = Array.from({ length: options.lanes }, (_, i) =>
    lane(i, options, drawOf(draws.between(0, 2 ** 32 - 1)), report),
  );
  await Promise.all(lanes);
  return report;
}

async function lane(
  index: number,
  options: TortureOptions,
  draw: ReturnType<typeof drawOf>,
  report: Report,
): Promise<void> {
  await using installation = await tortureInstallation(draw, { people: options.people ?? 6, drip: options.drip ?? 20 });
  const ledger = newLedger();
  const next = plans(draw.fork());
  const exchanges = [];
  let killed = 0;
  let seen = 0;
  const enough = () => report.kills >= options.kills || Date.now() >= options.until;
  const told = new Set<string>();
  const blame = (number: number, all: readonly string[], found?: Found) => {
    // What was wrong in one round still is in the next.
    const texts = all.filter((text) => !told.has(text));
    for (const text of texts) {
      told.add(text);
      report.violations.push({ lane: index, round: number, text });
    }
    if (texts.length > 0) {
      report.histories.push(
        `seed ${options.seed}, lane ${index}, round ${number}:\n  ${[...texts, ...dossier(texts, found, installation), ...ledger.history].join('\n  ')}`,
      );
    }
  };
  for (let number = 1; !enough() && !(options.first && report.violations.length > 0); number++) {
    ledger.history.length = 0;
    const { breach } = options;
    const verdict = await round({
      ...{ installation, ledger, draw, plans: next, kills: perRound, hits: report.hits },
      ...(breach === undefined ? {} : { breach }),
    });
    exchanges.push(...verdict.wire.exchanges);
    const noticed = ledger.violations.splice(0);
    blame(number, [...new Set([...verdict.violations, ...noticed])], verdict.found);
    report.rounds++;
    report.kills += installation.kills.length - killed;
    killed = installation.kills.length;
    report.duplicates += verdict.duplicates - seen;
    seen = verdict.duplicates;
    report.lost += verdict.lost;
    report.secondPasswords += verdict.secondPasswords;
    options.say?.(
      `lane ${index}, round ${number}: ${verdict.found.resets.length} resets, ${killed} kills, ${noticed.length + verdict.violations.length} violations`,
    );
    if (enough())
      for (const { state } of verdict.found.resets) report.states.set(state, (report.states.get(state) ?? 0) + 1);
    // The next round begins with a process that has just died.
    installation.kill();
    await installation.ended();
    killed = installation.kills.length;
  }
  report.resets += ledger.started.filter(({ ids }) => ids.size > 0).length;
  report.mails += installation.mail.taken.length;
  for (const [kind, count] of installation.mail.troubles)
    report.troubles.set(kind, (report.troubles.get(kind) ?? 0) + count);
  const audit = await command(installation.env, 'audit', '--last', '100000');
  if (audit.code !== 0) blame(0, [`the audit command says: ${audit.stderr}`]);
  const found = await leaks(installation, ledger, exchanges, `${audit.stdout}${audit.stderr}`);
  report.secrets += found.secrets;
  report.leaks += found.leaks.length;
  blame(0, found.leaks);
}

/** What file, mail server and log say of the resets that the sentences name, and of others of the same people. */
function dossier(texts: readonly string[], found: Found | undefined, { mail, output }: Installation): string[] {
  if (!found) return [];
  const named = found.resets.filter(({ id }) => texts.some((text) => text.includes(id)));
  const people = new Set(named.map(({ user_id }) => user_id));
  return found.resets
    .filter(({ user_id }) => people.has(user_id))
    .flatMap((row) => [
      `${row.id} of ${row.user_name}: ${row.state}, needs ${row.needs_you}, scramble ${row.scramble}, call ${row.call_until}, ` +
        `baseline ${row.baseline_at}, superseded by ${row.superseded_by}, epoch ${row.epoch}`,
      ...found.events
        .filter(({ reset }) => reset === row.id)
        .map(({ name, at, evidence }) => `    ${new Date(at).toISOString()} ${name} ${evidence ?? ''}`),
      ...mail.taken
        .filter(({ bytes }) => bytes.includes(row.message_id))
        .map(({ at, told, process }) => `    ${new Date(at).toISOString()} mail taken, ${told}, process ${process}`),
      ...output()
        .split('\n')
        .filter((line) => line.includes(row.id))
        .map((line) => `    ${line}`),
    ]);
}

/** The table. */
export function tableOf(report: Report): string {
  const rows: [string, string | number][] = [
    ['seed', report.seed],
    ['rounds', report.rounds],
    ['resets started', report.resets],
    ['kills (SIGKILL)', report.kills],
    ['mails taken over', report.mails],
    ['duplicates after unknown', report.duplicates],
    ['lost', report.lost],
    ['second passwords', report.secondPasswords],
    ['secrets looked for', report.secrets],
    ['secrets found', report.leaks],
    ['violations', report.violations.length],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(26)} ${String(value).padStart(10)}`);
  const list = (title: string, counts: ReadonlyMap<string, number>) =>
    `${title}: ${[...counts]
      .sort()
      .map(([name, count]) => `${name} ${count}`)
      .join(' · ')}`;
  return [
    ...lines,
    list('ended as', report.states),
    list('mail server', report.troubles),
    list('killed', report.hits),
  ].join('\n');
}
