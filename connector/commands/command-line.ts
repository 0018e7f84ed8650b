// What the commands share: options read strictly, mistakes told as a sentence with exit code 2, failures with 1.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { problemSentence } from '#shared/messages/problem.ts';
import { Problem } from '#shared/problem.ts';
import { graphTenant } from '../entra/clouds.ts';
import type { Sql } from '../sql/sql.ts';
import type { Hashing } from '../store/credentials.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { type TokenScope, tokenScopes } from '../token.ts';

/** `say` is for people (standard error), `print` for what a script reads (standard output); one line each. */
export interface Out {
  readonly say: (line: string) => void;
  readonly print: (line: string) => void;
}

export interface CommandDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  readonly hashing: Hashing;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/** A command line that can't be understood; the message is a sentence. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError';
}

/** A command that could not be done; the message is a sentence. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** The options of a command, none unknown. @throws CommandLineError */
export function optionsOf<T extends Options>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new CommandLineError(error instanceof Error ? error.message : String(error));
  }
}

/** Who acts at the command line, as the record has it. */
export const operator = 'operator';

/** @throws CommandLineError when there are more words than that without an option */
export function only(positionals: readonly string[], most: number): void {
  if (positionals.length > most) throw new CommandLineError(`“${positionals[most]}” is one word too many.`);
}

/** @throws CommandLineError when the option is not there or empty */
export function required(value: string | undefined, option: string): string {
  if (value === undefined || value.trim() === '') throw new CommandLineError(`--${option} is missing.`);
  return value;
}

/** The tenant of `--tenant`, else `default`. @throws CommandError */
export async function tenantOf({ tenants }: CommandDeps, id = 'default'): Promise<Tenant> {
  const tenant = await tenants.byId(id);
  if (!tenant) throw new CommandError(`There is no tenant “${id}”.`);
  return tenant;
}

/**
 * For what the embedded directory alone has: with Entra behind the connector it would be written and never looked at.
 * @param what people and roles, or apps: the beginning of the sentence
 * @throws CommandError
 */
export function refuseInEntra({ name, directory }: Tenant, what: string): void {
  if (graphTenant(directory) === undefined) return;
  throw new CommandError(`${what} of ${name} are in Microsoft Entra (RR_DIRECTORY=${directory}): do it there.`);
}

/** Runs a command and turns what goes wrong into a sentence and an exit code. */
export async function running(out: Out, manual: string, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (error instanceof CommandLineError) {
      out.say(error.message);
      out.say(manual);
      return 2;
    }
    if (error instanceof CommandError) out.say(error.message);
    else if (error instanceof Problem) out.say(sentenceOf(error));
    else throw error;
    return 1;
  }
}

function sentenceOf({ code, details }: Problem): string {
  // Why the database is not available is a word for programs.
  return typeof details.reason === 'string' && code !== 'unavailable'
    ? details.reason
    : problemSentence('en', code, details);
}

/**
 * Milliseconds of `365d`, `12h`; undefined for `never`, where that can be said.
 * @throws CommandLineError
 */
export function durationOf(text: string, option: string, never: 'or never' | '' = ''): number | undefined {
  if (text === 'never' && never !== '') return undefined;
  const [, number, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) {
    const forever = never === '' ? '' : ' or never';
    throw new CommandLineError(`--${option} is days (365d) or hours (12h)${forever}, not “${text}”.`);
  }
  return Number(number) * (unit === 'd' ? 24 : 1) * 3_600_000;
}

/** @throws CommandLineError for a scope that does not exist, or none */
export function scopesOf(text: string): TokenScope[] {
  const wanted = [...new Set(text.split(/[\s,]+/).filter((scope) => scope !== ''))];
  const unknown = wanted.find((scope) => !(tokenScopes as readonly string[]).includes(scope));
  if (unknown !== undefined || wanted.length === 0) {
    throw new CommandLineError(`There is no scope “${unknown ?? text}”; there are: ${tokenScopes.join(', ')}.`);
  }
  return wanted as TokenScope[];
}

/** The date of a time in milliseconds since the epoch. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Until when something is good. */
export function untilOf(expires: number | undefined): string {
  return expires === undefined ? 'without end' : `until ${day(expires)}`;
}

/** `revoked …`, `expired …` or `until …`. */
export function stateOf({ expires, revoked }: { expires?: number; revoked?: number }, now: number): string {
  if (revoked !== undefined) return `revoked ${day(revoked)}`;
  if (expires !== undefined && expires <= now) return `expired ${day(expires)}`;
  return untilOf(expires);
}

/** `used …`, to the minute. */
export function usedOf(lastUsed: number | undefined): string {
  return lastUsed === undefined ? 'never used' : `used ${new Date(lastUsed).toISOString().slice(0, 16)}Z`;
}

/** Rows as columns, for a terminal. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, at) => Math.max(...rows.map((row) => [...(row[at] ?? '')].length)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
