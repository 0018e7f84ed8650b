// `token create | list | revoke`: credentials of sync clients. The token is shown once, alone on the last line.

import { createToken, listTokens, mintToken, revokeToken, type Token, type TokenScope, tokenScopes } from '../token.ts';
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

const manual = `Usage: node connector/main.ts token create --name NAME --scope scim [--expires 365d|12h|never] [--tenant ID]
       node connector/main.ts token list [--tenant ID]
       node connector/main.ts token revoke --id ID [--tenant ID]

create prints the token alone on the last line of standard output. It is shown this once; only its hash is kept.
Without --expires it lasts 365 days. A scope of "scim" reads and writes people at /scim/v2, and does nothing else.`;

/** Exit code: 0 done, 1 not possible, 2 not understood. Without `deps`: the manual. */
export async function tokenCommand(argv: readonly string[], deps: CommandDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  const [verb, ...rest] = argv;
  return running(out, manual, async () => {
    if (verb === 'create') return create(rest, deps, out);
    if (verb === 'list') return list(rest, deps, out);
    if (verb === 'revoke') return revoke(rest, deps, out);
    throw new CommandLineError(verb === undefined ? 'token: create, list or revoke?' : `There is no “token ${verb}”.`);
  });
}

async function create(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    name: { type: 'string' },
    scope: { type: 'string' },
    expires: { type: 'string' },
    tenant: { type: 'string' },
  });
  if (positionals.length > 0) throw new CommandLineError(`“${positionals[0]}” is one word too many.`);
  const name = required(values.name, 'name').trim();
  const scopes = scopesOf(required(values.scope, 'scope'));
  const tenant = await tenantOf(deps, values.tenant);
  const at = deps.now();
  const lifetime = lifetimeOf(values.expires ?? '365d');
  const expires = lifetime === undefined ? undefined : at + lifetime;
  const minted = mintToken(deps.random);
  await deps.sql.run((tx) =>
    createToken(tx, minted, {
      tenant: tenant.id,
      name,
      scopes,
      at,
      actor: 'operator',
      ...(expires === undefined ? {} : { expires }),
    }),
  );
  out.print(
    `Token ${minted.id} “${name}” of ${tenant.name} (${tenant.id}) for ${scopes.join(' ')}, ${untilOf(expires)}.`,
  );
  out.print('Keep it now, it is not shown again:');
  out.print(minted.secret.reveal());
}

async function list(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values } = optionsOf(argv, { tenant: { type: 'string' } });
  const tenant = await tenantOf(deps, values.tenant);
  const found = await listTokens(deps.sql, tenant.id);
  const rows = found.map((token) => [
    token.id,
    token.name,
    token.scopes.join(' '),
    day(token.created),
    stateOf(token, deps.now()),
    token.lastUsed === undefined ? 'never used' : `used ${new Date(token.lastUsed).toISOString().slice(0, 16)}Z`,
  ]);
  if (rows.length === 0) out.say(`${tenant.name} has no tokens.`);
  for (const line of table(rows)) out.print(line);
}

async function revoke(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, { id: { type: 'string' }, tenant: { type: 'string' } });
  const id = required(values.id ?? positionals[0], 'id');
  const tenant = await tenantOf(deps, values.tenant);
  if (!(await listTokens(deps.sql, tenant.id)).some((token) => token.id === id)) {
    throw new CommandError(`${tenant.name} has no token ${id}.`);
  }
  const by = { at: deps.now(), actor: 'operator' };
  const now = await deps.sql.run((tx) => revokeToken(tx, tenant.id, id, by));
  out.print(now ? `Token ${id} is revoked.` : `Token ${id} was revoked before.`);
}

function scopesOf(text: string): TokenScope[] {
  const wanted = [...new Set(text.split(/[\s,]+/).filter((scope) => scope !== ''))];
  const unknown = wanted.find((scope) => !(tokenScopes as readonly string[]).includes(scope));
  if (unknown !== undefined || wanted.length === 0) {
    throw new CommandLineError(`There is no scope “${unknown ?? text}”; there is: ${tokenScopes.join(', ')}.`);
  }
  return wanted as TokenScope[];
}

/** Milliseconds of `365d`, `12h`; undefined for `never`. */
function lifetimeOf(text: string): number | undefined {
  if (text === 'never') return undefined;
  const [, number, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? [];
  if (number === undefined || Number(number) === 0) {
    throw new CommandLineError(`--expires is days (365d), hours (12h) or never, not “${text}”.`);
  }
  return Number(number) * (unit === 'd' ? 24 : 1) * 3_600_000;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function untilOf(expires: number | undefined): string {
  return expires === undefined ? 'without end' : `until ${day(expires)}`;
}

function stateOf(token: Token, now: number): string {
  if (token.revoked !== undefined) return `revoked ${day(token.revoked)}`;
  if (token.expires !== undefined && token.expires <= now) return `expired ${day(token.expires)}`;
  return untilOf(token.expires);
}
