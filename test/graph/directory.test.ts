// What stands beside people at the Graph door: groups and who is in them, roles, the organisation and its domains.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordedEntries } from '../../connector/audit.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { type Name, origin } from '../world.ts';
import { errorOf, type GraphWorld, graphWorld, type Who } from './graph-world.ts';

let world: GraphWorld;
beforeEach(async () => {
  world = await graphWorld({ names: ['globalAdmin', 'passwordAdmin', 'noRole', 'amara', 'kwame'] });
});
afterEach(() => world[Symbol.asyncDispose]());

const denied = [403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'];
const newGroup = { displayName: 'Ward 3', mailEnabled: false, mailNickname: 'ward3', securityEnabled: true };

const make = (who: Who, body: object = newGroup, scp?: string) =>
  world.call(who, 'POST', '/groups', body, scp === undefined ? {} : { scp });
async function made(more: object = {}): Promise<string> {
  const { status, body } = await make('globalAdmin', { ...newGroup, ...more });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}
const reference = (id: string) => ({ '@odata.id': `${origin}/v1.0/directoryObjects/${id}` });
const add = (who: Who, group: string, member: string, scp?: string) =>
  world.call(who, 'POST', `/groups/${group}/members/$ref`, reference(member), scp === undefined ? {} : { scp });
const remove = (who: Who, group: string, member: string) =>
  world.call(who, 'DELETE', `/groups/${group}/members/${member}/$ref`);
const get = async (url: string, who: Who = 'globalAdmin', headers: Record<string, string> = {}) =>
  world.call(who, 'GET', url, undefined, { headers });

describe('a group', () => {
  it('is made, shown, changed and removed', async () => {
    const { status, body, headers } = await make('globalAdmin', { ...newGroup, description: 'Everybody on ward 3' });
    expect(status).toBe(201);
    const { id } = body;
    expect(headers.location).toBe(`${origin}/v1.0/groups/${id}`);
    expect(body).toMatchObject({
      '@odata.context': `${origin}/v1.0/$metadata#groups/$entity`,
      description: 'Everybody on ward 3',
      displayName: 'Ward 3',
      groupTypes: [],
      isAssignableToRole: null,
      mailEnabled: false,
      mailNickname: 'ward3',
      securityEnabled: true,
    });
    expect((await get(`/groups/${id}`)).body).toEqual(body);
    expect((await get(`/groups/${id}?$select=id,DisplayName,shoe`)).body).toEqual({
      '@odata.context': `${origin}/v1.0/$metadata#groups(id,DisplayName,shoe)/$entity`,
      id,
      displayName: 'Ward 3',
    });
    const change = { displayName: 'Ward Three', description: null };
    expect((await world.call('globalAdmin', 'PATCH', `/groups/${id}`, change)).status).toBe(204);
    expect((await get(`/groups/${id}`)).body).toMatchObject({ ...change, mailNickname: 'ward3' });
    // The same group at the other door.
    expect((await world.scim('GET', `/Groups/${id}`)).json()).toMatchObject({ displayName: 'Ward Three' });
    await world.scim('PATCH', `/Groups/${id}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'displayName', value: 'Ward III' }],
    });
    expect((await get(`/groups/${id}`)).body).toMatchObject({ displayName: 'Ward III', mailNickname: 'ward3' });
    expect((await world.call('globalAdmin', 'DELETE', `/groups/${id}`)).status).toBe(204);
    expect((await get(`/groups/${id}`)).status).toBe(404);
  });

  it.each([
    [{ displayName: undefined }, "A value is required for property 'displayName' of resource 'Group'."],
    [{ mailNickname: undefined }, "A value is required for property 'mailNickname' of resource 'Group'."],
    [{ mailEnabled: true }, "Invalid value specified for property 'mailEnabled' of resource 'Group'."],
    [{ groupTypes: ['Unified'] }, "Invalid value specified for property 'groupTypes' of resource 'Group'."],
    [{ displayName: '' }, "Invalid value specified for property 'displayName' of resource 'Group'."],
    [{ shoe: 1 }, "Property 'shoe' does not exist as a declared property or extension property."],
  ])('is not made of %j', async (more, message) => {
    expect(errorOf(await make('globalAdmin', { ...newGroup, ...more }))).toEqual([400, 'Request_BadRequest', message]);
  });

  it('is for those whose role writes groups', async () => {
    for (const who of ['noRole', 'passwordAdmin'] as const) expect(errorOf(await make(who))).toEqual(denied);
    await world.role('kwame', 'Groups Administrator');
    expect((await make('kwame')).status).toBe(201);
    expect((await make(await world.newApp(), newGroup, 'Group.ReadWrite.All')).status).toBe(201);
  });

  it('has members, who come and go', async () => {
    const { amara, kwame } = world.ids;
    const id = await made({ 'members@odata.bind': [`${origin}/v1.0/users/${amara}`] });
    expect((await add('globalAdmin', id, kwame)).status).toBe(204);
    expect(errorOf(await add('globalAdmin', id, kwame))).toEqual([
      400,
      'Request_BadRequest',
      "One or more added object references already exist for the following modified properties: 'members'.",
    ]);
    const { body } = await get(`/groups/${id}/members`);
    const byName = (a: { displayName: string }, b: { displayName: string }) => (a.displayName < b.displayName ? -1 : 1);
    expect(body.value.sort(byName)).toMatchObject([
      { '@odata.type': '#microsoft.graph.user', id: amara, displayName: 'Amara Nwosu' },
      { '@odata.type': '#microsoft.graph.user', id: kwame },
    ]);
    expect((await remove('globalAdmin', id, amara)).status).toBe(204);
    expect((await remove('globalAdmin', id, amara)).status).toBe(404);
    expect((await add('globalAdmin', id, '2819c223-7f76-453a-919d-413861904646')).status).toBe(404);
    expect((await world.call('globalAdmin', 'POST', `/groups/${id}/members/$ref`, { '@odata.id': 'x' })).status).toBe(
      400,
    );
    expect((await get(`/groups/${id}/owners`)).body.value).toEqual([]);
    expect((await get('/groups/nothing/owners')).status).toBe(404);
  });

  it('has members by any of their addresses, in any case, and not itself', async () => {
    const { amara, kwame, noRole, passwordAdmin } = world.ids;
    const inner = await made({ displayName: 'Inner' });
    const bind = [`https://graph.microsoft.com/v1.0/users('${amara.toUpperCase()}')`];
    const id = await made({ 'members@odata.bind': bind });
    const url = `/groups/${id.toUpperCase()}/members/$ref`;
    const addAt = (reference: string) => world.call('globalAdmin', 'POST', url, { '@odata.id': reference });
    for (const [reference, status] of [
      [`${origin}/v1.0/directoryObjects/${kwame.toUpperCase()}`, 204],
      [`${origin}/v1.0/users/HANA.Suzuki@contoso.example`, 204],
      [`https://graph.microsoft.com/beta/users/${passwordAdmin}`, 204],
      [`${origin}/v1.0/groups/${inner.toUpperCase()}`, 204],
      [`${origin}/v1.0/users/nobody@contoso.example`, 404],
      [`${origin}/v1.0/groups/${amara}`, 404],
      [`${origin}/v1.0/groups/${id}`, 400],
      [`https://elsewhere.example/v1.0/users/${globalThis.crypto.randomUUID()}`, 400],
      [`//elsewhere.example/v1.0/users/${amara}`, 400],
      [`${origin}/v1.0/users/${amara}/manager`, 400],
      [`${origin}/v1.0/users/%`, 400],
    ] as const) {
      expect([reference, (await addAt(reference)).status]).toEqual([reference, status]);
    }
    const { body } = await get(`/groups/${id}/members?$select=id`);
    const ids = body.value.map((one: { id: string }) => one.id);
    expect(ids.sort()).toEqual([amara, kwame, noRole, passwordAdmin, inner].sort());
    expect((await remove('globalAdmin', id.toUpperCase(), amara.toUpperCase())).status).toBe(204);
    const bound = (one: string) => make('globalAdmin', { ...newGroup, 'members@odata.bind': [one] });
    expect((await bound(`${origin}/v1.0/users/%`)).status).toBe(400);
    expect((await bound(`https://elsewhere.example/users/${amara}`)).status).toBe(400);
    expect((await bound(`${origin}/v1.0/users/nobody@contoso.example`)).status).toBe(404);
  });

  it('tells its members in pages, of one type alone, and how many there are', async () => {
    const inner = await made({ displayName: 'Inner' });
    const id = await made();
    for (const member of [world.ids.amara, world.ids.kwame, world.ids.noRole, inner])
      await add('globalAdmin', id, member);
    const seen: string[] = [];
    let url = `/groups/${id}/members?$top=2&$select=id&$count=true`;
    for (let pages = 0; url; pages++) {
      expect(pages).toBeLessThan(3);
      const { body } = await get(url, 'globalAdmin', { consistencylevel: 'eventual' });
      expect(body['@odata.count']).toBe(4);
      seen.push(...body.value.map((one: { id: string }) => one.id));
      url = String(body['@odata.nextLink'] ?? '').replace(`${origin}/v1.0`, '');
    }
    expect(new Set(seen)).toEqual(new Set([world.ids.amara, world.ids.kwame, world.ids.noRole, inner]));
    expect((await get(`/groups/${id}/members/microsoft.graph.group`)).body.value).toMatchObject([{ id: inner }]);
    expect((await get(`/groups/${id}/members/microsoft.graph.user`)).body.value).toHaveLength(3);
  });

  it('that gives roles is for those alone who may give roles', async () => {
    const id = await made({ isAssignableToRole: true, displayName: 'Role givers' });
    expect((await get(`/groups/${id}`)).body.isAssignableToRole).toBe(true);
    await world.role('kwame', 'Groups Administrator');
    expect(errorOf(await add('kwame', id, world.ids.amara))).toEqual(denied);
    expect(errorOf(await world.call('kwame', 'DELETE', `/groups/${id}`))).toEqual(denied);
    // The role is not enough without the permission, nor the permission without the role.
    expect(errorOf(await add('globalAdmin', id, world.ids.amara, 'Group.ReadWrite.All'))).toEqual(denied);
    expect(errorOf(await make('kwame', { ...newGroup, isAssignableToRole: true }))).toEqual(denied);
    const scp = 'Group.ReadWrite.All';
    expect(errorOf(await make(await world.newApp(), { ...newGroup, isAssignableToRole: true }, scp))).toEqual(denied);
    expect((await add('globalAdmin', id, world.ids.amara)).status).toBe(204);
    // Whoever is in it is protected.
    const patch = { passwordProfile: { password: 'Kf7e-rB4m-t9Rz-5hWd' } };
    expect(errorOf(await world.call('passwordAdmin', 'PATCH', `/users/${world.ids.amara}`, patch))).toEqual(denied);
  });
});

describe('GET /groups', () => {
  beforeEach(async () => {
    for (const displayName of ['Ward 1', 'ward 2', "Nurses' Union", 'Zebra']) await made({ displayName });
  });
  const names = async (query: string, headers: Record<string, string> = {}) => {
    const { status, body } = await get(`/groups?${query}`, 'globalAdmin', headers);
    return status === 200
      ? body.value.map((one: { displayName: string }) => one.displayName)
      : errorOf({ status, body, headers: {} });
  };
  const encoded = (filter: string) => `$filter=${encodeURIComponent(filter)}`;

  it.each([
    ["displayName eq 'WARD 1'", ['Ward 1']],
    ["startswith(displayName,'ward')", ['Ward 1', 'ward 2']],
    ["startswith(displayName,'ward') and not(displayName eq 'Ward 1')", ['ward 2']],
    ["displayName eq 'Nurses'' Union'", ["Nurses' Union"]],
    ["displayName in ('Zebra','Ward 1')", ['Ward 1', 'Zebra']],
    ['isAssignableToRole eq true', []],
  ])('finds by %s', async (filter, found) => {
    // Made within the same millisecond: in no order.
    expect([...(await names(encoded(filter)))].sort()).toEqual(found);
  });

  it('in order, in pages, and counted', async () => {
    expect(await names('$orderby=displayName desc')).toEqual(['Zebra', 'ward 2', 'Ward 1', "Nurses' Union"]);
    const seen: string[] = [];
    let url = '/groups?$top=3&$orderby=displayName&$select=displayName';
    for (let pages = 0; url; pages++) {
      expect(pages).toBeLessThan(3);
      const { body } = await get(url);
      seen.push(...body.value.map((one: { displayName: string }) => one.displayName));
      url = String(body['@odata.nextLink'] ?? '').replace(`${origin}/v1.0`, '');
    }
    expect(seen).toEqual(["Nurses' Union", 'Ward 1', 'ward 2', 'Zebra']);
    const counted = await get('/groups?$count=true&$top=1', 'globalAdmin', { consistencylevel: 'eventual' });
    expect(counted.body['@odata.count']).toBe(4);
    expect((await get('/groups?$count=true')).body).not.toHaveProperty('@odata.count');
  });

  it('refuses what it cannot answer, rather than to answer something else', async () => {
    expect((await names(encoded("displayName eq 'x")))[0]).toBe(400);
    expect((await names(encoded("shoe eq 'x'")))[0]).toBe(400);
    expect((await names('$search="x"'))[1]).toBe('Request_UnsupportedQuery');
    expect((await names('$expand=members'))[1]).toBe('Request_UnsupportedQuery');
    expect((await names('$orderby=id'))[0]).toBe(400);
    expect((await names('$top=0'))[2]).toBe("Invalid page size specified: '0'. Must be between 1 and 999 inclusive.");
    expect((await names('$skiptoken=abc'))[0]).toBe(400);
    expect((await names('$top=1&$top=2'))[0]).toBe(400);
  });
});

describe('memberOf', () => {
  it('tells groups and roles, transitively what comes through groups', async () => {
    const outer = await made({ displayName: 'Hospital', isAssignableToRole: true });
    const inner = await made({ displayName: 'Ward 3' });
    expect((await add('globalAdmin', outer, inner)).status).toBe(204);
    expect((await add('globalAdmin', inner, world.ids.passwordAdmin)).status).toBe(204);
    const roleOfGroup = {
      principalId: outer,
      roleDefinitionId: roleTemplates['Directory Readers'],
      directoryScopeId: '/',
    };
    expect(
      (await world.call('globalAdmin', 'POST', '/roleManagement/directory/roleAssignments', roleOfGroup)).status,
    ).toBe(201);
    const of = async (url: string) =>
      (await get(url, 'passwordAdmin')).body.value.map((one: Record<string, string>) => [
        one['@odata.type'],
        one.displayName,
      ]);
    const role = (name: string) => ['#microsoft.graph.directoryRole', name];
    const group = (name: string) => ['#microsoft.graph.group', name];
    expect(await of('/me/memberOf')).toEqual([role('Password Administrator'), group('Ward 3')]);
    expect(await of('/me/transitiveMemberOf')).toEqual([
      role('Directory Readers'),
      role('Password Administrator'),
      group('Ward 3'),
      group('Hospital'),
    ]);
    expect(await of('/me/transitiveMemberOf/microsoft.graph.directoryRole')).toHaveLength(2);
    expect(await of(`/users/${world.ids.passwordAdmin}/memberOf/microsoft.graph.group`)).toEqual([group('Ward 3')]);
    const [first] = (await get('/me/memberOf', 'passwordAdmin')).body.value;
    expect(first).toEqual({
      '@odata.type': '#microsoft.graph.directoryRole',
      id: roleTemplates['Password Administrator'],
      deletedDateTime: null,
      description: 'The built-in role Password Administrator.',
      displayName: 'Password Administrator',
      roleTemplateId: roleTemplates['Password Administrator'],
    });
    const filtered = await get(`/me/memberOf?$filter=displayName eq 'Ward 3'&$select=id`, 'passwordAdmin');
    expect(filtered.body.value).toEqual([{ '@odata.type': '#microsoft.graph.group', id: inner }]);
  });

  it('of others is not for User.Read', async () => {
    const of = (name: Name) =>
      world.call('amara', 'GET', `/users/${world.ids[name]}/memberOf`, undefined, { scp: 'User.Read' });
    expect((await of('amara')).status).toBe(200);
    expect(errorOf(await of('kwame'))).toEqual(denied);
    const named = await world.call('amara', 'GET', '/users/AMARA.Nwosu@contoso.example/memberOf', undefined, {
      scp: 'User.Read',
    });
    expect(named.status).toBe(200);
    const app = await world.newApp();
    expect(
      (
        await world.call(app, 'GET', `/users/${world.ids.kwame}/transitiveMemberOf`, undefined, {
          scp: 'User.Read.All',
        })
      ).status,
    ).toBe(200);
  });
});

describe('roles', () => {
  const global = roleTemplates['Global Administrator'];
  const assignments = '/roleManagement/directory/roleAssignments';

  it('that somebody holds are listed, with who holds them', async () => {
    const { body } = await get('/directoryRoles');
    expect(body.value.map((one: { displayName: string }) => one.displayName).sort()).toEqual([
      'Global Administrator',
      'Password Administrator',
    ]);
    expect((await get(`/directoryRoles/${global}`)).body).toMatchObject({ roleTemplateId: global });
    expect((await get(`/directoryRoles/${global}/members`)).body.value).toMatchObject([
      { '@odata.type': '#microsoft.graph.user', id: world.ids.globalAdmin },
    ]);
    expect((await get(`/directoryRoles/${roleTemplates['Groups Administrator']}/members`)).status).toBe(404);
    expect(errorOf(await get('/directoryRoles', 'noRole'))).toEqual(denied);
  });

  it('are assignments of definitions', async () => {
    const filter = `$filter=principalId eq '${world.ids.passwordAdmin}'`;
    const { body } = await get(`${assignments}?${filter}`);
    expect(body.value).toEqual([
      {
        id: expect.stringMatching(/^[\w-]{43}$/),
        principalId: world.ids.passwordAdmin,
        directoryScopeId: '/',
        roleDefinitionId: roleTemplates['Password Administrator'],
      },
    ]);
    expect((await get(`${assignments}/${body.value[0].id}`)).body).toMatchObject(body.value[0]);
    const definition = await get(`/roleManagement/directory/roleDefinitions/${global}`);
    expect(definition.body).toMatchObject({ displayName: 'Global Administrator', isBuiltIn: true, templateId: global });
    const byName = await get(
      `/roleManagement/directory/roleDefinitions?$filter=displayName eq 'Password Administrator'`,
    );
    expect(byName.body.value).toMatchObject([{ id: roleTemplates['Password Administrator'] }]);
  });

  it('held through groups are told where they are asked for', async () => {
    const id = await made({ isAssignableToRole: true });
    await add('globalAdmin', id, world.ids.amara);
    const body = { principalId: id, roleDefinitionId: roleTemplates['Helpdesk Administrator'], directoryScopeId: '/' };
    expect((await world.call('globalAdmin', 'POST', assignments, body)).status).toBe(201);
    const direct = await get(`${assignments}?$filter=principalId eq '${world.ids.amara}'`);
    expect(direct.body.value).toEqual([]);
    const url = `/roleManagement/directory/transitiveRoleAssignments?$filter=principalId eq '${world.ids.amara}'&$count=true`;
    expect((await get(url)).status).toBe(400);
    const around = await get(url, 'globalAdmin', { consistencylevel: 'eventual' });
    expect(around.body).toMatchObject({ '@odata.count': 1, value: [{ principalId: id }] });
  });

  it('are given and taken by those who may', async () => {
    const body = { principalId: world.ids.amara, roleDefinitionId: global, directoryScopeId: '/' };
    const give = (who: Who, more: object = {}) => world.call(who, 'POST', assignments, { ...body, ...more });
    for (const who of ['noRole', 'passwordAdmin'] as const) expect(errorOf(await give(who))).toEqual(denied);
    const { status, body: given } = await give('globalAdmin');
    expect(status).toBe(201);
    expect((await give('globalAdmin')).status).toBe(400);
    expect((await give('globalAdmin', { roleDefinitionId: world.ids.amara })).status).toBe(404);
    const unit = '2819c223-7f76-453a-919d-413861904646';
    const otherScopes = [undefined, '', 'x', '/x', `/administrativeUnits/${'x'.repeat(400_000)}`, `/${unit}`];
    for (const directoryScopeId of otherScopes) {
      expect((await give('globalAdmin', { directoryScopeId })).status).toBe(400);
    }
    const inUnit = await give('globalAdmin', { directoryScopeId: `/ADMINISTRATIVEUNITS/${unit.toUpperCase()}` });
    expect([inUnit.status, inUnit.body.directoryScopeId]).toEqual([201, `/administrativeUnits/${unit}`]);
    const nobody = await give('globalAdmin', { principalId: unit });
    expect(nobody.status).toBe(404);
    expect(nobody.body.error.message).toContain(`'${unit}'`);
    const loud = await give('globalAdmin', { principalId: world.ids.kwame.toUpperCase() });
    expect([loud.status, loud.body.principalId]).toEqual([201, world.ids.kwame]);
    const own = await get(`${assignments}?$filter=principalId eq '${world.ids.globalAdmin}'`);
    const take = (id: string) => world.call('globalAdmin', 'DELETE', `${assignments}/${id}`);
    expect(errorOf(await take(own.body.value[0].id))).toEqual(denied);
    expect((await take(given.id)).status).toBe(204);
    expect((await take(given.id)).status).toBe(404);
  });
});

describe('the organisation', () => {
  it('is named, with its domains', async () => {
    const { body } = await get('/organization');
    expect(body.value).toMatchObject([
      {
        id: world.tenant.tid,
        displayName: 'Contoso',
        onPremisesSyncEnabled: null,
        verifiedDomains: [{ name: 'contoso.example', isDefault: true, type: 'Managed' }],
      },
    ]);
    expect((await get(`/organization/${world.tenant.tid}`)).body).toMatchObject({ displayName: 'Contoso' });
    expect((await get('/organization/x')).status).toBe(404);
  });

  it('says which domains sign in elsewhere', async () => {
    await using other = await graphWorld({
      names: ['globalAdmin'],
      env: { RR_DOMAINS: 'contoso.example,sub.contoso.example', RR_FEDERATED_DOMAINS: 'sub.contoso.example' },
    });
    const { body } = await other.call('globalAdmin', 'GET', '/domains');
    expect(body.value.map((one: Record<string, string>) => [one.id, one.authenticationType])).toEqual([
      ['contoso.example', 'Managed'],
      ['sub.contoso.example', 'Federated'],
    ]);
    expect((await other.call('globalAdmin', 'GET', '/domains/contoso.example')).body).toMatchObject({
      isDefault: true,
    });
    expect((await other.call('globalAdmin', 'GET', '/domains/x.example')).status).toBe(404);
  });
});

describe('people among other objects', () => {
  const shown = (url: string, scp: string) => world.call('globalAdmin', 'GET', url, undefined, { scp });

  it('are shown as far as the caller may read people', async () => {
    const { amara, globalAdmin } = world.ids;
    await world.call('globalAdmin', 'PATCH', `/users/${amara}`, { mobilePhone: '+44 20 7946 0001', jobTitle: 'Nurse' });
    const group = await made({ 'members@odata.bind': [`${origin}/v1.0/users/${amara}`] });
    const members = async (scp: string) => (await shown(`/groups/${group}/members`, scp)).body.value[0];
    const nothing = { id: amara, displayName: null, mobilePhone: null, jobTitle: null, mail: null, businessPhones: [] };
    expect(await members('GroupMember.Read.All')).toMatchObject(nothing);
    expect(await members('GroupMember.Read.All User.Read')).toMatchObject(nothing);
    const basic = { displayName: 'Amara Nwosu', jobTitle: null, mobilePhone: null };
    expect(await members('GroupMember.Read.All User.ReadBasic.All')).toMatchObject(basic);
    expect(await members('Directory.Read.All')).toMatchObject({ jobTitle: 'Nurse' });

    await world.role('amara', 'Reports Reader');
    const holders = `/directoryRoles/${roleTemplates['Reports Reader']}/members`;
    const roles = 'RoleManagement.Read.Directory';
    expect((await shown(holders, roles)).body.value).toMatchObject([nothing]);
    const filter = `?$filter=${encodeURIComponent("jobTitle eq 'Nurse'")}`;
    expect((await shown(holders + filter, roles)).body.value).toEqual([]);
    expect((await shown(holders + filter, 'Directory.Read.All')).body.value).toMatchObject([{ id: amara }]);
    const own = `/directoryRoles/${roleTemplates['Global Administrator']}/members`;
    expect((await shown(own, `${roles} User.Read`)).body.value).toMatchObject([
      { id: globalAdmin, displayName: expect.any(String) },
    ]);
  });
});

it('records which program a person used, and that a group is made for roles', async () => {
  const group = await made({ isAssignableToRole: true });
  const detail = { isAssignableToRole: true, client: 'some-script' };
  expect(await recordedEntries(world.sql, 'default', 1, 'group.created')).toMatchObject([
    { target: `group:${group}`, actor: `user:${world.ids.globalAdmin}`, detail },
  ]);
  const wanted = {
    principalId: world.ids.amara,
    roleDefinitionId: roleTemplates['Reports Reader'],
    directoryScopeId: '/',
  };
  await world.call('globalAdmin', 'POST', '/roleManagement/directory/roleAssignments', wanted);
  const [given] = await recordedEntries(world.sql, 'default', 1);
  expect(given).toMatchObject({ detail: { role: wanted.roleDefinitionId, client: 'some-script' } });
  // Of an app there is nobody behind it.
  await world.call(await world.newApp(), 'PATCH', `/users/${world.ids.amara}`, { jobTitle: 'Porter' });
  const [changed] = await recordedEntries(world.sql, 'default', 1);
  expect(changed?.detail).toEqual({ attributes: 'title' });
});

it('calls a member that there is not by Graph’s word', async () => {
  const body = { ...newGroup, 'members@odata.bind': [`${origin}/v1.0/users/00000000-0000-4000-8000-000000000000`] };
  const [status, code, message] = errorOf(await make('globalAdmin', body));
  expect([status, code]).toEqual([404, 'Request_ResourceNotFound']);
  expect(message).toContain("Resource '00000000-0000-4000-8000-000000000000' does not exist");
});
