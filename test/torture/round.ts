// A round: people act while the connector dies again and again and the mail server misbehaves. Then the faults are
// switched off, the process runs on until it is quiet, and everything is looked at.

import { toBase64url } from '#shared/link.ts';
import { check, type Found, readFile, restless, type Verdict } from './check.ts';
import type { Draw } from './draw.ts';
import { type Installation, publicHost } from './installation.ts';
import { type Ledger, linkOf, note } from './ledger.ts';
import { open, story } from './people.ts';
import { type Breach, nameOf, type Plan } from './plan.ts';
import { type Wire, wire } from './wire.ts';

export interface RoundOptions {
  readonly installation: Installation;
  readonly ledger: Ledger;
  readonly draw: Draw;
  readonly plans: Iterator<Plan, never>;
  /** How often the connector is killed before the faults are switched off. */
  readonly kills: number;
  readonly breach?: Breach;
  /** How often each plan has killed, by its name. */
  readonly hits: Map<string, number>;
}

/** How long a plan may wait for its moment before the process is killed anyhow, in milliseconds. */
const patience = 900;
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Plays one round; what was found wrong is in the verdict. The connector is running when it is over. */
export async function round(options: RoundOptions): Promise<Verdict & { found: Found; wire: Wire }> {
  const { installation, ledger, draw, breach } = options;
  const over = Promise.withResolvers<void>();
  let isOver = false;
  const http = wire(installation.port, publicHost, () => isOver);
  const stage = { installation, ledger, draw, wire: http, over: over.promise, isOver: () => isOver };
  installation.mail.misbehave(0.35);

  // A step that waits for somebody's act meets it sooner when there are people all the time.
  const people = draw.shuffled(installation.people);
  const busy = Promise.all(
    people.map(async (person, i) => {
      await pause(i * draw.between(0, 400));
      await story({ ...stage, draw: draw.fork() }, person);
    }),
  );
  for (let killed = 0; killed < options.kills; killed++) {
    const plan = options.plans.next().value;
    const up = await installation.start(plan, breach);
    if (up) {
      const late = setTimeout(() => {
        note(ledger, `${nameOf(plan)} has not come; killed`);
        installation.kill();
      }, patience);
      await installation.ended();
      clearTimeout(late);
    }
    note(ledger, `killed: ${nameOf(plan)}`);
    options.hits.set(nameOf(plan), (options.hits.get(nameOf(plan)) ?? 0) + 1);
  }

  installation.mail.misbehave(0);
  note(ledger, 'faults off');
  await installation.start({ at: 'never' }, breach);
  let resting = false;
  void busy.then(() => (resting = true));
  let found = await quiet(options);
  // Some wait for a mail that will not come, or ask a link that will not be ready (its mail was refused the second time);
  // who still does something is let do it.
  const news = () => http.exchanges.filter(({ received }) => !received.includes('"notReady"')).length;
  for (let still = 0, before = -1; !resting && still < 5; await pause(60)) {
    const now = news();
    still = now === before ? still + 1 : 0;
    before = now;
    if (still === 4) found = await quiet(options);
  }
  isOver = true;
  over.resolve();
  await busy;
  // Whoever has a link that opens can be shown what the directory holds (I7).
  isOver = false;
  await openAll(stage, found, options);
  await pause(50);
  found = await quiet(options);
  const verdict = await check(installation, ledger, found);
  isOver = true;
  http.close();
  return { ...verdict, found, wire: http };
}

/** Runs on until nothing is on its way any more; waits that were begun under faults are passed over by the clock. */
async function quiet({ installation, ledger }: RoundOptions): Promise<Found> {
  for (let tries = 0; ; tries++) {
    const found = readFile(installation.database);
    const waiting = restless(found, Date.now() + installation.ahead);
    if (waiting.length === 0 || tries > 150) {
      for (const row of waiting) note(ledger, `still waiting: ${row.id} in ${row.state}, next ${row.next_attempt_at}`);
      return found;
    }
    // The first looks give what is under way the time that it needs. A clock that jumps over the lease of a walk that is
    // under way, or about to be, makes another walk begin beside it (reset.md C19): not what is looked at here.
    const now = Date.now() + installation.ahead;
    const walking = found.jobs.some(({ leased_until, due_at }) => leased_until > now || due_at <= now + 1000);
    if (tries > 5 && tries % 4 === 0 && !walking) await installation.shift(5 * 60_000);
    await pause(60);
  }
}

async function openAll(
  stage: Parameters<typeof open>[0],
  { resets }: Found,
  { installation, ledger, draw }: RoundOptions,
) {
  for (const row of resets) {
    if (row.state !== 'ready' || row.superseded_by !== null) continue;
    const started = ledger.started.find(({ address }) => address === row.recipient);
    const mail = installation.mail.taken.find(({ to }) => to === row.recipient);
    if (!started || !mail) continue;
    started.ids.add(row.id);
    started.link ??= await linkOf(mail.bytes);
    // A PIN can have been tried too often meanwhile; then nobody is shown anything.
    const holder = draw.bytes(32);
    const password = await open(stage, started, holder);
    const after = readFile(installation.database).resets.find(({ id }) => id === row.id);
    if (password === undefined && after?.state === 'ready' && after.needs_you !== 'pinLocked')
      ledger.violations.push(
        `reset ${row.id} is ready, and its link (holder ${toBase64url(holder).slice(0, 6)}) shows nothing`,
      );
  }
}
