// Mistakes that could be made, each a change of the connector's own text: the simulator must find every one of them, or it
// proves nothing. Among them are those of other products (reset.md), and those that it has found in ours.

import type { MannerName } from './run.ts';
import type { ScenarioName } from './scenarios.ts';

export interface Bug {
  readonly name: string;
  readonly what: string;
  readonly file: string;
  /** What stands there once, and what is put in its place. */
  readonly changes: readonly (readonly [find: string, replace: string])[];
  /** Stories in which it is looked for first, one fault at a time: it would be found without, later. */
  readonly near?: readonly (ScenarioName | `${ScenarioName}:${MannerName}`)[];
  /**
   * The run that has found it before: `suite` plays it first, so that a hunt is a matter of a second. What no longer finds it
   * costs a hunt, and is no failure.
   */
  readonly seed?: string;
}

const walkMail = 'connector/resets/walk-mail.ts';
const walkChange = 'connector/resets/walk-change.ts';
const walkWatch = 'connector/resets/walk-watch.ts';
const link = 'connector/resets/link.ts';
const start = 'connector/resets/start.ts';
const supersede = 'connector/resets/supersede.ts';
const row = 'connector/resets/row.ts';
const act = 'connector/resets/act.ts';
const lease = 'connector/resets/lease.ts';
const jobs = 'connector/jobs.ts';

export const bugs: readonly Bug[] = [
  {
    name: 'passwordBeforeMail',
    what: 'the password is changed before the mail is accepted (CIPP)',
    file: walkMail,
    changes: [
      [
        'const envelope = {',
        `await (await import('./lease.ts')).directoryFor(deps, tenant, row).setPassword(row.user_id, { password:
          deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password')), forceChangePasswordNextSignIn: true },
          'reset:' + row.id);
        const envelope = {`,
      ],
    ],
  },
  {
    name: 'keyClaimedFirst',
    what: 'the idempotency key is claimed before the reset is saved, and never given back (OneTimeSecret)',
    near: ['ordinary:embedded'],
    seed: 'enumerate:ordinary:embedded:6:2',
    file: start,
    changes: [
      [
        'const prepared = await prepare(deps, caller, permission, request);',
        `await sql.run(function* (tx) { yield* tx.run\`insert into idempotency (tenant, caller, key, fingerprint, reset, created)
          values (\${tenant}, \${caller.id}, \${key}, '', '', \${now()}) on conflict do nothing\`; });
        const prepared = await prepare(deps, caller, permission, request);`,
      ],
      [
        'const row = found && (yield* readReset(tx, tenant, found.reset));',
        `const row = found && (yield* readReset(tx, tenant, found.reset));
        if (found && !row && now - found.created > 0) throw new Problem('stateConflict', { state: 'requested' });`,
      ],
      [
        'fingerprint: string; reset: string }>`select fingerprint, reset from',
        'fingerprint: string; reset: string; created: number }>`select fingerprint, reset, created from',
      ],
      ['const earlier = yield* readKey(tx, tenant, caller.id, key, at);', 'const earlier = undefined;'],
      [
        'values (${tenant}, ${caller.id}, ${key}, ${fingerprint}, ${row.id}, ${at})`',
        'values (${tenant}, ${caller.id}, ${key}, ${fingerprint}, ${row.id}, ${at}) on conflict (tenant, caller, key) do update set fingerprint = excluded.fingerprint, reset = excluded.reset`',
      ],
    ],
  },
  {
    name: 'laterTakenForSent',
    what: 'a temporary refusal of the mail server is swallowed (Password Pusher)',
    near: ['ordinary'],
    seed: 'enumerate:ordinary:embedded:19:0',
    file: walkMail,
    changes: [
      ["if (outcome.outcome === 'accepted') {", "if (outcome.outcome === 'accepted' || outcome.outcome === 'later') {"],
    ],
  },
  {
    name: 'unknownTakenForSent',
    what: 'a connection that is lost after the final dot counts as sent',
    near: ['ordinary'],
    seed: 'enumerate:ordinary:embedded:24:1',
    file: walkMail,
    changes: [
      [
        "if (outcome.outcome === 'accepted') {",
        "if (outcome.outcome === 'accepted' || outcome.outcome === 'unknown') {",
      ],
    ],
  },
  {
    name: 'refusedTakenForLater',
    what: 'a recipient that is refused for good is tried again for ever, and nobody is told',
    near: ['ordinary'],
    seed: 'enumerate:ordinary:embedded:22:3',
    file: walkMail,
    changes: [
      ["needs_you: 'mailFailed', next_attempt_at: null };", 'next_attempt_at: null };'],
      ['if (now >= row.expires_at) return expireUnchanged(deps, row, job);', ''],
      ['return row.expires_at;\n  }\n  job.failed', 'return deps.now() + 3_600_000;\n  }\n  job.failed'],
    ],
  },
  {
    name: 'timerInMemory',
    what: 'the next attempt is a timer of the process (Yopass)',
    near: ['ordinary'],
    seed: 'enumerate:ordinary:embedded:19:0',
    file: walkMail,
    changes: [
      [
        "await moved(deps, job, row, 'mailing', [{ name: 'deferred', evidence }], set);\n  return next;",
        `await moved(deps, job, row, 'mailing', [{ name: 'deferred', evidence }], set);
        deps.scheduler.after(next - deps.now(), () => void deps.sql.run((tx) => tx.run\`insert into job (tenant, kind, ref, subject, due_at, attempts, epoch, leased_until)
          values (\${row.tenant}, 'reset', \${row.id}, \${row.user_id}, \${next}, 0, 0, 0) on conflict do nothing\`));
        return undefined;`,
      ],
    ],
  },
  {
    name: 'secondPassword',
    what: 'each attempt sets a new password',
    near: ['ordinary:exact'],
    seed: 'enumerate:ordinary:exact:44:2',
    file: walkChange,
    changes: [
      [
        "const password = deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password'));",
        "const password = row.call_until === null ? deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password')) : deps.scramblePassword();",
      ],
    ],
  },
  {
    name: 'unknownTakenForSet',
    what: 'an answer that never came, or a 202, is taken for success',
    near: ['ordinary:exact'],
    seed: 'enumerate:ordinary:exact:45:0',
    file: walkChange,
    changes: [
      [
        "if (outcome.outcome !== 'done') return noteNoChange(deps, row, job, directory, outcome);\n  // Not every",
        "if (outcome.outcome === 'failed') return noteNoChange(deps, row, job, directory, outcome);\n  outcome.at ??= deps.now();\n  // Not every",
      ],
    ],
  },
  {
    name: 'claimWithoutLease',
    what: 'a job can be claimed by two workers at once',
    near: ['busyPair:exact'],
    file: jobs,
    changes: [
      ['and leased_until <= ${now} order by due_at limit 1`', 'order by due_at limit 1`'],
      ['leased_until = ${job.leasedUntil},\n      due_at = ${job.leasedUntil}', 'leased_until = ${job.leasedUntil}'],
    ],
  },
  {
    name: 'keyedByName',
    what: 'the person is looked up by name when the password is changed',
    seed: 'enumerate:nameReused:embedded:0:0',
    file: walkChange,
    changes: [
      [
        'directory.setPassword(row.user_id, profile, operationOf(row), since, deadline(job)),',
        '(async () => directory.setPassword((await directory.find(row.user_name))?.id ?? row.user_id, profile, operationOf(row), since, deadline(job)))(),',
      ],
    ],
  },
  {
    name: 'newerByTheClock',
    what: 'which of two resets is newer is decided by the clock (found in ours)',
    seed: 'enumerate:clockWasAhead:embedded:0:0',
    file: supersede,
    changes: [
      [
        'and nth > ${row.nth} and baseline_at is not null`;',
        'and id <> ${row.id} and started_at >= ${row.started_at} and baseline_at is not null`;',
      ],
    ],
  },
  {
    name: 'oursTakenForTheClock',
    what: 'when a lost call took effect is compared with our clock, not with the directory’s',
    near: ['clockWasBehind:graph'],
    seed: 'enumerate:clockWasBehind:graph:48:1',
    file: lease,
    changes: [['ahead === undefined ? null : job.leasedUntil + ahead', 'null']],
  },
  {
    name: 'lateChangeTakenForTheirs',
    what: 'a change of ours that takes effect late counts as the person’s (found in ours)',
    near: ['neverOpened:graph'],
    seed: 'enumerate:neverOpened:graph:45:2',
    file: lease,
    changes: [['last.at > row.baseline_at && !tookEffectLate(row, last)', 'last.at > row.baseline_at']],
  },
  {
    name: 'secretInTheLog',
    what: 'the password stands in a line of the log',
    file: walkChange,
    changes: [
      [
        "deps.log.info({ reset: row.id, outcome: outcome.outcome }, 'password change');",
        "deps.log.info({ reset: row.id, outcome: outcome.outcome, value: password }, 'password change');",
      ],
    ],
  },
  {
    name: 'secretInTheRecord',
    what: 'the password stands in an event’s evidence',
    file: walkChange,
    changes: [["(revoked.outcome === 'done' ? {} : { evidence: sessionsStay })", '{ evidence: password }']],
  },
  {
    name: 'plainTextFallback',
    what: 'when the link does not go out, the password itself is mailed (CIPP)',
    near: ['ordinary'],
    seed: 'enumerate:ordinary:embedded:19:0',
    file: walkMail,
    changes: [
      [
        "const bytes = deps.keyring.open(row.sealed_mail, aad(row, 'sealed_mail'));",
        `const link = deps.keyring.open(row.sealed_mail, aad(row, 'sealed_mail'));
        const bytes = row.mail_attempts === 0 ? link : Buffer.concat([link, Buffer.from('\\r\\nPassword: ' + deps.keyring.openText(row.sealed_password, aad(row, 'sealed_password')) + '\\r\\n')]);`,
      ],
    ],
  },
  {
    name: 'linkKeyKept',
    what: 'the link’s key stays in the database after the mail was accepted',
    file: walkMail,
    changes: [
      [
        'sealed_mail: null, needs_you: null, next_attempt_at: null, why: null };',
        'needs_you: null, next_attempt_at: null, why: null };',
      ],
    ],
  },
  {
    name: 'passwordKept',
    what: 'the clear password’s sealed copy stays after the link was armed',
    file: walkChange,
    changes: [['baseline_at: baseline, sealed_password: null };', 'baseline_at: baseline };']],
  },
  {
    name: 'olderDiesEarly',
    what: 'the older link dies when the newer reset is begun, not when its mail is accepted',
    near: ['superseded'],
    file: start,
    changes: [
      [
        "import { append, type ResetRow, readLive, readReset, recordMove } from './row.ts';",
        "import { move, append, type ResetRow, readLive, readReset, recordMove } from './row.ts';",
      ],
      [
        'const row = yield* insert(tx, { ...prepared, supersedes: live?.id ?? null });',
        `const row = yield* insert(tx, { ...prepared, supersedes: live?.id ?? null });
        const old = live && (yield* readReset(tx, tenant, live.id));
        if (old) yield* move(tx, old, 'superseded', { at, actor: 'connector', events: [{ name: 'superseded' }],
          set: { sealed_password: null, sealed_key: null, sealed_mail: null, ciphertext: null, scramble: old.baseline_at === null ? 0 : 1 } });`,
      ],
    ],
  },
  {
    name: 'olderNeverDies',
    what: 'the older link lives on after the newer mail was accepted',
    near: ['superseded'],
    file: walkMail,
    changes: [
      [
        "await moved(deps, job, row, 'mailed', accepted, set, endOlder);",
        "await moved(deps, job, row, 'mailed', accepted, set);",
      ],
    ],
  },
  {
    name: 'newerDoesNotWait',
    what: 'a newer reset does not wait for an older call that is still under way',
    near: ['supersededAtOnce:graph'],
    seed: 'enumerate:supersededAtOnce:graph:13:0',
    file: supersede,
    changes: [['and nth < ${newer.nth}', 'and nth < 0 and nth < ${newer.nth}']],
  },
  {
    name: 'chosenScrambled',
    what: 'nobody looks whether the person has chosen a password before it is made useless',
    near: ['choseMeanwhile'],
    file: walkWatch,
    changes: [
      [
        'const who = changedSince(row, last);\n  if (!who) return false;',
        'return false;\n  const who = changedSince(row, last);',
      ],
      ["return chosen !== undefined && !wrongPerson ? 'chosen' : 'scramble';", "return 'scramble';"],
      ["if (chosen === 'operation') return 'not ours';", ''],
    ],
  },
  {
    name: 'untouchedScrambled',
    what: 'a password that was never changed is made useless when the link expires',
    seed: 'explore:17',
    file: lease,
    changes: [
      [
        "await moved(deps, job, row, 'expired', events('expired'), { ...shredded, needs_you: null }, handBack);",
        "await moved(deps, job, row, 'expired', events('expired'), { ...shredded, needs_you: null, scramble: 1, baseline_at: 1 }, handBack);\n  return deps.now();",
      ],
    ],
  },
  {
    name: 'anybodyHolds',
    what: 'a second holder is shown the password during the lease',
    near: ['scanned'],
    file: link,
    changes: [["if (mine && row.state === 'leased'", "if (row.state === 'leased'"]],
  },
  {
    name: 'burnsAfterReading',
    what: 'the first answer is the last: one that is lost is lost',
    near: ['ordinary:embedded'],
    seed: 'enumerate:ordinary:embedded:48:1',
    file: link,
    changes: [
      ['holder_hash: holderHash,', 'holder_hash: holderHash, ciphertext: null,'],
      ["JSON.parse(opened.ciphertext ?? '{}')", "JSON.parse(row.ciphertext ?? '{}')"],
    ],
  },
  {
    name: 'proofNotChecked',
    what: 'whoever knows the address can open the link, without its key (Yopass)',
    seed: 'enumerate:scanned:embedded:0:0',
    file: link,
    changes: [['if (!(await deps.cryptography.isHashOf(proof, row?.proof_hash)) || !row)', 'if (!row)']],
  },
  {
    name: 'pinNotCounted',
    what: 'a PIN can be tried as often as one likes',
    seed: 'enumerate:guessed:embedded:0:0',
    file: link,
    changes: [['const tries = row.pin_tries + 1;', 'const tries = Math.min(row.pin_tries + 1, 1);']],
  },
  {
    name: 'opensAfterItsTime',
    what: 'a link whose time is over opens until somebody has noticed',
    near: ['openedLate'],
    seed: 'enumerate:openedLate:embedded:49:2',
    file: link,
    changes: [["return at >= row.expires_at ? { state: 'expired' } : undefined;", 'return undefined;']],
  },
  {
    name: 'moveNotRecorded',
    what: 'moves are missing from the record',
    file: row,
    changes: [
      [
        'if (to !== reset.state) yield* recordMove(tx, row, `reset.${to}`, change);',
        "if (to !== reset.state && to !== 'changing') yield* recordMove(tx, row, `reset.${to}`, change);",
      ],
    ],
  },
  {
    name: 'otherTenants',
    what: 'a reset is found by its id alone, whoever’s it is',
    seed: 'enumerate:twoAtOnce:embedded:0:0',
    file: row,
    changes: [
      ['select * from reset where tenant = ${tenant} and id = ${id}`', 'select * from reset where id = ${id}`'],
    ],
  },
  {
    name: 'roleAskedOnce',
    what: 'the admin’s role is not asked for again before the change',
    near: ['roleGone:embedded'],
    seed: 'enumerate:roleGone:embedded:19:0',
    file: walkChange,
    changes: [
      [
        'const { user } = await authoriseReset(directory, row.caller_id, row.user_id);',
        'const user = await directory.find(row.user_id);',
      ],
    ],
  },
  {
    name: 'killLeavesThePassword',
    what: '“wrong person” kills the link and leaves the password',
    seed: 'enumerate:killed:embedded:0:0',
    file: act,
    changes: [
      ['const scramble = owesScramble(row) || row.scramble === 1 || replacedOwed ? 1 : 0;', 'const scramble = 0;'],
    ],
  },
  {
    name: 'expiryLeavesThePassword',
    what: 'a temporary password that nobody has fetched stays for ever',
    seed: 'enumerate:superseded:embedded:0:0',
    file: walkWatch,
    changes: [
      [
        "await moved(deps, job, row, 'expired', events('expired'), {\n    ...shredded,\n    scramble: 1,",
        "await moved(deps, job, row, 'expired', events('expired'), {\n    ...shredded,",
      ],
    ],
  },
  {
    name: 'doneKeepsTheCiphertext',
    what: 'after “I have signed in” the ciphertext stays',
    file: link,
    changes: [
      [
        "const set = { ciphertext: null, needs_you: row.needs_you === 'likelyScanner' ? null : row.needs_you };",
        "const set = { needs_you: row.needs_you === 'likelyScanner' ? null : row.needs_you };",
      ],
    ],
  },
  {
    name: 'hammers',
    what: 'a directory that asks to wait is asked again at once',
    near: ['outage'],
    seed: 'enumerate:outage:exact:0:0',
    file: walkChange,
    changes: [['const next = Math.min(notBefore > 0 ? asked : own, row.expires_at);', 'const next = now + 10;']],
  },
  {
    name: 'hammersTheMailServer',
    what: 'a mail server that is away is asked again at once',
    near: ['outage'],
    file: walkMail,
    changes: [
      ['const next = Math.min(Math.max(deps.now() + wait, asked), row.expires_at);', 'const next = deps.now() + 100;'],
    ],
  },
  {
    name: 'conflictsForEver',
    what: 'a scramble that conflicts looks again at once, for as long as a copy is behind (found in ours)',
    near: ['killedAtOnce:graph'],
    seed: 'enumerate:killedAtOnce:graph:1:1',
    file: walkWatch,
    changes: [['const look = job.attempts === 1 ? 0 : soonAfter(job.attempts - 1);', 'const look = 0;']],
  },
  {
    name: 'twiceIsRefused',
    what: 'a request that comes twice at once is refused because of itself (found in ours)',
    near: ['twiceClicked'],
    seed: 'enumerate:twiceClicked:exact:1:1',
    file: start,
    changes: [['if (already.same) return replay(already.same, fingerprints);', '']],
  },
  {
    name: 'keyForgotten',
    what: 'the idempotency key is not looked up',
    near: ['twiceClicked'],
    seed: 'enumerate:twiceClicked:embedded:1:0',
    file: start,
    changes: [['return found && row && { row, fingerprint: found.fingerprint };', 'return undefined;']],
  },
  {
    name: 'supersededStaysBehind',
    what: 'a reset that ends before its mail leaves what it would have replaced behind',
    near: ['supersededInVain'],
    file: supersede,
    changes: [['yield* restoreOlder(tx, newer, at);', '']],
  },
  {
    name: 'leaseNeverEnds',
    what: 'whoever has opened the link may look at the password for ever',
    near: ['leaseOver'],
    file: link,
    changes: [
      ['row.ciphertext !== null && at < leased) return undefined;', 'row.ciphertext !== null) return undefined;'],
    ],
  },
];
