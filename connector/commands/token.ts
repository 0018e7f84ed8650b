// `token create | list | rotate | revoke`: long-lived credentials of sync clients. A token is shown once, alone on the
// last line.

import { Problem } from '#shared/problem.ts';
import { createToken, isLive, listTokens, mintToken, revokeToken, rotateToken } from '../token.ts';
import {
  type CommandDeps,
  CommandError,
  CommandLineError,
  day,
  durationOf,
  type Out,
  optionsOf,
  required,
  running,
  scopesOf,
  stateOf,
  table,
  tenantOf,
  untilOf,
  usedOf,
} from './command-line.ts';

const manual = `Usage: node connector/main.ts token create --name NAME --scope SCOPE [--expires 365d|12h|never] [--tenant ID]
       node connector/main.ts token list [--tenant ID]
       node connector/main.ts token rotate ID [--overlap 7d] [--expires 365d|12h|never] [--tenant ID]
       node connector/main.ts token revoke ID [--tenant ID]

create and rotate print the token alone on the last line of standard output. It is shown this once; only its hash is
kept. Without --expires it lasts 365 days. rotate makes a second token for the same client; the first one goes on working
until --overlap is over. revoke ends a token at once.

Scopes, all of them at /scim/v2 and nowhere else: scim.read sees people and groups; scim.write changes them; scim.password
sets passwords besides; scim is scim.read and scim.write. Several: --scope "scim scim.password".`;

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
    if (verb === 'rotate') return rotate(rest, deps, out);
    if (verb === 'revoke') return revoke(rest, deps, out);
    throw new CommandLineError(
      verb === undefined ? 'token: create, list, rotate or revoke?' : `There is no “token ${verb}”.`,
    );
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
  const lifetime = durationOf(values.expires ?? '365d', 'expires', 'or never');
  const tenant = await tenantOf(deps, values.tenant);
  const at = deps.now();
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
    usedOf(token.lastUsed),
    token.client === token.id ? '' : `client ${token.client}`,
  ]);
  if (rows.length === 0) out.say(`${tenant.name} has no tokens.`);
  for (const line of table(rows)) out.print(line);
}

async function rotate(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    overlap: { type: 'string' },
    expires: { type: 'string' },
    tenant: { type: 'string' },
  });
  const id = required(values.id ?? positionals[0], 'id');
  const overlap = durationOf(values.overlap ?? '7d', 'overlap') ?? 0;
  const lifetime = durationOf(values.expires ?? '365d', 'expires', 'or never');
  const tenant = await tenantOf(deps, values.tenant);
  const at = deps.now();
  const old = (await listTokens(deps.sql, tenant.id)).find((token) => token.id === id);
  if (!old) throw new CommandError(`${tenant.name} has no token ${id}.`);
  if (!isLive(old, at))
    throw new CommandError(`Token ${id} is ${stateOf(old, at)}. Make a new one with “token create”.`);
  const minted = mintToken(deps.random);
  const expires = lifetime === undefined ? {} : { expires: at + lifetime };
  const rotation = { tenant: tenant.id, id, at, actor: 'operator', overlap, ...expires };
  const { ends } = await deps.sql
    .run((tx) => rotateToken(tx, minted, rotation))
    .catch((error: unknown) => {
      if (!(error instanceof Problem) || error.code !== 'stateConflict') throw error;
      throw new CommandError(`“${old.name}” has two live tokens already. Revoke one of them first.`);
    });
  out.print(`Token ${minted.id} “${old.name}” of ${tenant.name} (${tenant.id}), ${untilOf(expires.expires)}.`);
  out.print(`Token ${id} goes on working until ${new Date(ends).toISOString()}.`);
  out.print('Keep the new one now, it is not shown again:');
  out.print(minted.secret.reveal());
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
