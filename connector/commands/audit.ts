// `audit`: a tenant's record of what was done, with names beside the ids that it holds, and whether it is whole.

import { type RecordedEntry, recordedEntries, type Verified, verifyAudit } from '../audit.ts';
import type { Sql } from '../sql/sql.ts';
import { callerName } from '../store/clients.ts';
import { contentOf, userById } from '../store/users.ts';
import {
  type CommandDeps,
  CommandError,
  CommandLineError,
  type Out,
  optionsOf,
  required,
  running,
  table,
  tenantOf,
} from './command-line.ts';

const manual = `Usage: node connector/main.ts audit [--last 50] [--action ACTION] [--json] [--tenant ID]

Prints what was done, newest last: place, time, who, what, to whom, and what more is known. The record holds ids and never
contents; the names of clients, tokens and people beside them are those of today. --action is a whole action such as
user.updated, or the thing before its dot: user. --json prints one JSON object a line.
The whole record is verified each time: every entry carries a hash over the one before. On Postgres entries are chained a
moment after they were recorded, by a connector that runs; until then their place is “…” (with --json: null). Exit code 1:
the record was changed, or entries have waited to be chained for more than 30 seconds.`;

const most = 100_000;
/** Chained ten times a second: what has waited this long waits for a connector. Clocks may differ. Milliseconds. */
const patience = 30_000;

/** Exit code: 0 the record is whole, 1 it is not, 2 not understood. Without `deps`: the manual. */
export async function auditCommand(argv: readonly string[], deps: CommandDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  return running(out, manual, () => audit(argv, deps, out));
}

async function audit(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    last: { type: 'string' },
    action: { type: 'string' },
    json: { type: 'boolean' },
    tenant: { type: 'string' },
  });
  if (positionals.length > 0) throw new CommandLineError(`“${positionals[0]}” is one word too many.`);
  const last = Number(values.last ?? '50');
  if (!Number.isInteger(last) || last < 1 || last > most) {
    throw new CommandLineError(`--last is a whole number from 1 to ${most}.`);
  }
  const action = values.action === undefined ? undefined : required(values.action, 'action').trim();
  const tenant = await tenantOf(deps, values.tenant);

  const entries = await recordedEntries(deps.sql, tenant.id, last, action);
  const names = await namesOf(deps.sql, tenant.id, entries);
  const lines =
    values.json === true ? entries.map((one) => jsonOf(one, names)) : table(entries.map((one) => rowOf(one, names)));
  for (const line of lines) out.print(line);

  tell(await verifyAudit(deps.sql, tenant.id), tenant.name, deps.now(), out);
}

/** @throws CommandError when the record is not as it should be */
function tell({ entries, brokenAt, waiting }: Verified, name: string, now: number, out: Out): void {
  if (brokenAt !== undefined) {
    throw new CommandError(
      `The record of ${name} was changed: entry ${brokenAt} does not follow from the ${entries} before it. ` +
        'Nothing in it from there on proves anything; compare it with a backup.',
    );
  }
  if (waiting && waiting.changed > 0) {
    throw new CommandError(
      `The record of ${name} was changed: of ${waiting.entries} entries that are not yet chained, ${waiting.changed} ` +
        'do not say what was recorded. Compare them with a backup.',
    );
  }
  const behind = waiting ? now - waiting.since : 0;
  if (waiting && behind > patience) {
    throw new CommandError(
      `The record of ${name} is not chained to its end: ${waiting.entries} entries wait, the oldest for ` +
        `${Math.round(behind / 1000)} s. A connector that runs chains them; see its log, or start one.`,
    );
  }
  const unchained = waiting ? `, and ${waiting.entries} not yet chained` : '';
  const whole = `The record of ${name} holds: ${entries} entries, none changed${unchained}.`;
  out.say(entries === 0 && !waiting ? `The record of ${name} is empty.` : whole);
}

type Names = ReadonlyMap<string, string>;

/** Of everybody who acted: the name of a token or client, the userName of a person; those who have none are missing. */
async function namesOf(sql: Sql, tenant: string, entries: readonly RecordedEntry[]): Promise<Names> {
  const names = new Map<string, string>();
  for (const actor of new Set(entries.map((one) => one.actor))) {
    const name = (await callerName(sql, tenant, actor)) ?? (await userNameOf(sql, tenant, actor));
    if (name !== undefined) names.set(actor, name);
  }
  return names;
}

async function userNameOf(sql: Sql, tenant: string, actor: string): Promise<string | undefined> {
  if (!actor.startsWith('user:')) return undefined;
  const user = await userById(sql, tenant, actor.slice('user:'.length));
  return user && contentOf(user).userName;
}

function rowOf({ seq, at, actor, action, target, detail = {} }: RecordedEntry, names: Names): string[] {
  const name = names.get(actor);
  const more = Object.entries(detail).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const who = name === undefined ? actor : `${actor} “${name}”`;
  return [String(seq ?? '…'), new Date(at).toISOString(), who, action, target, more.join(' ')];
}

function jsonOf({ seq, at, actor, action, target, detail = {} }: RecordedEntry, names: Names): string {
  const actorName = names.get(actor);
  const who = actorName === undefined ? { actor } : { actor, actorName };
  return JSON.stringify({ seq: seq ?? null, at: new Date(at).toISOString(), ...who, action, target, detail });
}
