// `client permit | role`: what a program may at the Graph door, in Microsoft Graph's words, and the administrator roles that
// it holds.

import { type GraphPermissionName, graphPermission, graphPermissionNames } from '../graph/permissions.ts';
import { roleName, roleTemplateId } from '../policy/roles.ts';
import { type Client, clientById, isAppId, setGraphRights } from '../store/clients.ts';
import { assignRole, removeRole } from '../store/roles.ts';
import type { Tenant } from '../tenant.ts';
import {
  type CommandDeps,
  CommandError,
  CommandLineError,
  type Out,
  only,
  operator,
  optionsOf,
  refuseInEntra,
  required,
  tenantOf,
} from './command-line.ts';

/** The live client of a command line. @throws CommandError */
export async function clientOf(deps: CommandDeps, tenant: Tenant, id: string): Promise<Client> {
  const client = await clientById(deps.sql, id);
  if (client?.tenant !== tenant.id) throw new CommandError(`${tenant.name} has no client ${id}.`);
  if (client.revoked !== undefined) throw new CommandError(`Client ${id} is revoked.`);
  return client;
}

/** The permissions of an option, in Graph's spelling. @throws CommandLineError for one that there is not */
export function permissionsOf(text: string, kind: 'application' | 'delegated'): GraphPermissionName[] {
  const wanted = text.split(/[\s,]+/).filter((name) => name !== '');
  const found = wanted.map((name) => {
    const permission = graphPermission(name, kind);
    if (permission) return permission;
    const all = graphPermissionNames(kind).join(', ');
    throw new CommandLineError(`There is no ${kind} permission “${name}” here; there are: ${all}.`);
  });
  return [...new Set(found)];
}

/** What a client may, in a line. */
export function mayWhat({
  scopes,
  appRoles,
  delegated,
  api,
}: Pick<Client, 'scopes' | 'appRoles' | 'delegated' | 'api'>): string {
  const parts = [
    scopes.join(' '),
    appRoles.join(' '),
    delegated.length > 0 ? `delegated ${delegated.join(' ')}` : '',
    api ? 'api' : '',
  ];
  return parts.filter((part) => part !== '').join(', ') || 'nothing';
}

/** client permit ID … */
export async function permit(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    graph: { type: 'string' },
    delegated: { type: 'string' },
    api: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 1);
  const id = required(values.id ?? positionals[0], 'id');
  const { graph, delegated, api } = values;
  if (graph === undefined && delegated === undefined && api === undefined) {
    throw new CommandLineError('--graph, --delegated or --api says what holds from now on.');
  }
  if (api !== undefined && api !== 'yes' && api !== 'no') throw new CommandLineError('--api is yes or no.');
  const tenant = await tenantOf(deps, values.tenant);
  refuseInEntra(tenant, 'Apps and their permissions');
  const client = await appOf(deps, tenant, id);
  const rights = {
    appRoles: graph === undefined ? client.appRoles : permissionsOf(graph, 'application'),
    delegated: delegated === undefined ? client.delegated : permissionsOf(delegated, 'delegated'),
    api: api === undefined ? client.api : api === 'yes',
  };
  await deps.sql.run((tx) => setGraphRights(tx, tenant.id, id, rights, { at: deps.now(), actor: operator }));
  out.print(`Client ${id} “${client.name}” is for ${mayWhat({ ...client, ...rights })} from its next token on.`);
}

/** client role add|remove ID … */
export async function role(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    id: { type: 'string' },
    role: { type: 'string' },
    tenant: { type: 'string' },
  });
  only(positionals, 2);
  const [verb, given] = positionals;
  if (verb !== 'add' && verb !== 'remove') throw new CommandLineError('client role: add or remove?');
  const id = required(values.id ?? given, 'id');
  const name = required(values.role, 'role');
  const roleId = roleTemplateId(name);
  if (roleId === undefined) throw new CommandLineError(`There is no role “${name}”.`);
  const tenant = await tenantOf(deps, values.tenant);
  refuseInEntra(tenant, 'Apps and their roles');
  const client = await appOf(deps, tenant, id);
  const by = { at: deps.now(), actor: operator };
  const change = verb === 'add' ? assignRole : removeRole;
  const changed = await deps.sql.run((tx) => change(tx, tenant.id, id, roleId, by));
  const state = verb === 'add' ? 'holds' : 'does not hold';
  out.print(`Client ${id} “${client.name}” ${state} ${roleName(roleId)}${changed ? ' now' : ' already'}.`);
}

/** The live client of a command line that is an application. @throws CommandError */
async function appOf(deps: CommandDeps, tenant: Tenant, id: string): Promise<Client> {
  const client = await clientOf(deps, tenant, id);
  if (isAppId(id)) return client;
  throw new CommandError(`Client ${id} was made for sync alone. Make another one with --graph, --delegated or --api.`);
}
