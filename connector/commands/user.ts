// `user create | list | role`: people of the embedded directory by hand, such as its first administrator.

import { readFileSync } from 'node:fs';
import { problemSentence } from '#shared/messages/problem.ts';
import { checkPassword, generatePassword } from '#shared/password.ts';
import { resettingRoles, roleName, roleTemplateId } from '../policy/roles.ts';
import { readUser } from '../scim/users.ts';
import { setPassword } from '../store/credentials.ts';
import { groupsCalled } from '../store/groups.ts';
import { assignRole, removeRole, rolesOf } from '../store/roles.ts';
import { coreUser, shownName, type UserContent } from '../store/user-resource.ts';
import { contentOf, createUser, userByName, usersAfter } from '../store/users.ts';
import { uuidv7 } from '../store/uuid.ts';
import type { Tenant } from '../tenant.ts';
import {
  type CommandDeps,
  CommandError,
  CommandLineError,
  type Out,
  optionsOf,
  refuseInEntra,
  required,
  running,
  table,
  tenantOf,
} from './command-line.ts';

const manual = `Usage: node connector/main.ts user create --user-name NAME [--display-name NAME] [--given-name NAME] [--family-name NAME]
                     [--role ROLE]… [--password-file FILE] [--no-force-change] [--tenant ID]
       node connector/main.ts user list [--tenant ID]
       node connector/main.ts user role add|remove --user-name NAME|--group NAME-OR-ID --role ROLE [--tenant ID]

create makes a password and prints it alone on the last line of standard output, unless one is read from the first line of
a file. It must be changed at the first sign-in, unless --no-force-change is given.
A role that is given to a group is held by everybody in it, and in the groups within it; sync clients can then no longer change
who is in them. list shows the roles that people hold either way.
Roles that reset passwords: ${quoted(resettingRoles)}.
Every other built-in role of Microsoft Entra may be given as well, and protects whoever holds it.
With RR_DIRECTORY=graph://TENANT people and roles are in Entra; list then shows whom directory sync has brought.`;

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/** Exit code: 0 done, 1 not possible, 2 not understood. Without `deps`: the manual. */
export async function userCommand(argv: readonly string[], deps: CommandDeps | undefined, out: Out): Promise<number> {
  if (!deps) {
    out.print(manual);
    return 0;
  }
  const [verb, ...rest] = argv;
  return running(out, manual, async () => {
    if (verb === 'create') return create(rest, deps, out);
    if (verb === 'list') return list(rest, deps, out);
    if (verb === 'role') return role(rest, deps, out);
    throw new CommandLineError(verb === undefined ? 'user: create, list or role?' : `There is no “user ${verb}”.`);
  });
}

async function create(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    'user-name': { type: 'string' },
    'display-name': { type: 'string' },
    'given-name': { type: 'string' },
    'family-name': { type: 'string' },
    role: { type: 'string', multiple: true },
    'password-file': { type: 'string' },
    'no-force-change': { type: 'boolean' },
    tenant: { type: 'string' },
  });
  if (positionals.length > 0) throw new CommandLineError(`“${positionals[0]}” is one word too many.`);
  const content = readUser({
    schemas: [coreUser],
    userName: required(values['user-name'], 'user-name'),
    name: { givenName: values['given-name'], familyName: values['family-name'] },
    displayName: values['display-name'],
  });
  const roles = (values.role ?? []).map(roleIdOf);
  const tenant = await tenantOf(deps, values.tenant);
  refuseInEntra(tenant, 'People and roles');
  if (await userByName(deps.sql, tenant.id, content.userName)) {
    throw new CommandError(`${tenant.name} already has somebody with the user name “${content.userName}”.`);
  }
  const file = values['password-file'];
  const password = file === undefined ? generatePassword(deps.random) : passwordIn(file, tenant, content);
  const forceChange = values['no-force-change'] !== true;

  const hash = await deps.hashing.turn((argon) => argon.hash(password));
  const at = deps.now();
  const by = { at, actor: 'operator' };
  const userId = uuidv7(at, deps.random(10));
  await deps.sql.run(function* (tx) {
    yield* createUser(tx, tenant.id, userId, content, by);
    yield* setPassword(tx, { tenant: tenant.id, userId, hash, forceChange, changedBy: 'operator', at, ifVersion: 0 });
    for (const id of roles) yield* assignRole(tx, tenant.id, userId, id, by);
  });

  const held = roles.length > 0 ? `, ${roles.map(roleName).join(', ')}` : '';
  out.print(
    `${shownName(content)} (${content.userName}) is now in ${tenant.name} (${tenant.id})${held}. Object id: ${userId}`,
  );
  if (file !== undefined) return;
  out.print(forceChange ? 'Password, to be changed at the first sign-in:' : 'Password:');
  out.print(password);
}

function passwordIn(file: string, tenant: Tenant, content: UserContent): string {
  let password: string;
  try {
    password = readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw new CommandError(`The password file cannot be read: ${(error as Error).message}`);
  }
  const person = { displayName: shownName(content), userPrincipalName: content.userName, organisation: tenant.name };
  const findings = checkPassword(password, tenant.policy.password, person);
  if (findings.length > 0) {
    throw new CommandError(findings.map(({ code, details }) => problemSentence('en', code, details)).join(' '));
  }
  return password;
}

async function list(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values } = optionsOf(argv, { tenant: { type: 'string' } });
  const tenant = await tenantOf(deps, values.tenant);
  const count = 500;
  for (let last = ''; ; ) {
    const after = last;
    const users = await deps.sql.read((tx) => usersAfter(tx, tenant.id, after, count));
    const rows: string[][] = [];
    for (const user of users) {
      const content = contentOf(user);
      const held = (await rolesOf(deps.sql, tenant.id, user.id)).map(roleName).join(', ');
      rows.push([user.id, content.userName, shownName(content), content.active ? 'active' : 'blocked', held]);
    }
    for (const line of table(rows)) out.print(line);
    if (after === '' && users.length === 0) out.say(`${tenant.name} has no people yet.`);
    if (users.length < count) return;
    last = users.at(-1)?.id ?? '';
  }
}

async function role(argv: readonly string[], deps: CommandDeps, out: Out): Promise<void> {
  const { values, positionals } = optionsOf(argv, {
    'user-name': { type: 'string' },
    group: { type: 'string' },
    role: { type: 'string' },
    tenant: { type: 'string' },
  });
  const [verb] = positionals;
  if (positionals.length !== 1 || (verb !== 'add' && verb !== 'remove'))
    throw new CommandLineError('user role: add or remove?');
  const { group } = values;
  if (group !== undefined && values['user-name'] !== undefined)
    throw new CommandLineError('user role: --user-name or --group?');
  const name = group ?? required(values['user-name'], 'user-name');
  const roleId = roleIdOf(required(values.role, 'role'));
  const tenant = await tenantOf(deps, values.tenant);
  refuseInEntra(tenant, 'People and roles');
  const holder = group === undefined ? await personCalled(deps, tenant, name) : await groupCalled(deps, tenant, name);
  const by = { at: deps.now(), actor: 'operator' };
  const change = verb === 'add' ? assignRole : removeRole;
  const changed = await deps.sql.run((tx) => change(tx, tenant.id, holder.id, roleId, by));
  const state = verb === 'add' ? 'holds' : 'does not hold';
  const still = verb === 'remove' && (await rolesOf(deps.sql, tenant.id, holder.id)).includes(roleId);
  out.print(
    still
      ? `${holder.name} still holds ${roleName(roleId)}, through a group.`
      : `${holder.name} ${state} ${roleName(roleId)}${changed ? ' now' : ' already'}.`,
  );
}

interface Holder {
  readonly id: string;
  readonly name: string;
}

async function personCalled({ sql }: CommandDeps, tenant: Tenant, name: string): Promise<Holder> {
  const user = await userByName(sql, tenant.id, name);
  if (!user) throw new CommandError(`${tenant.name} has nobody with the user name “${name}”.`);
  return { id: user.id, name: contentOf(user).userName };
}

async function groupCalled({ sql }: CommandDeps, tenant: Tenant, name: string): Promise<Holder> {
  const found = await sql.read((tx) => groupsCalled(tx, tenant.id, name));
  const [group] = found;
  if (!group) throw new CommandError(`${tenant.name} has no group called “${name}”.`);
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(', ');
    throw new CommandError(`${tenant.name} has several groups called “${name}”; name one by its id: ${ids}.`);
  }
  return group;
}

function roleIdOf(name: string): string {
  const id = roleTemplateId(name);
  if (id === undefined) {
    throw new CommandLineError(`There is no role “${name}”; these reset passwords: ${resettingRoles.join(', ')}.`);
  }
  return id;
}
