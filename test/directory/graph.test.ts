// The Graph adapter against Microsoft-shaped answers: what it asks, what it makes of what comes back.

import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { applicationPermissions } from '../../connector/entra/permissions.ts';
import { roleTemplates } from '../../connector/policy/roles.ts';
import { Secret } from '../../connector/secret.ts';
import { jsonAnswer } from '../graph/fault-proxy.ts';
import { faults, graphError } from '../graph/faults.ts';
import { ada, startStage, tid } from './graph-stage.ts';

const always = { times: Number.POSITIVE_INFINITY };
const refused = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('was not refused'),
    (error: { code?: string; details?: Record<string, unknown> }) => error,
  );
const password = 'Kf7e-rB4m-t9Rz-5hWd';

describe('people', () => {
  test('by object id, in the words of the port', async () => {
    await using stage = await startStage();
    const found = await stage.directory().find(ada.id);
    expect(found).toEqual({
      id: ada.id,
      userPrincipalName: ada.userPrincipalName,
      displayName: ada.displayName,
      mail: 'Ada@contoso.example',
      otherMails: ['ada@mail.example'],
      proxyAddresses: [ada.userPrincipalName, 'Ada@contoso.example', 'ada.lovelace@contoso.example'],
      accountEnabled: true,
      onPremisesSyncEnabled: false,
      userType: 'Member',
      mobilePhone: '+90 555',
      preferredLanguage: 'tr-TR',
      jobTitle: 'Buyer',
    });
    const [asked] = stage.asked('GET', /users/);
    expect(asked?.requestHeaders.authorization).toBe('Bearer access-1');
    expect(asked?.requestHeaders.sdkversion).toMatch(/^graph-js\/3\.0\.7/);
  });

  test.each([
    ["o'brien@contoso.example", "userPrincipalName eq 'o''brien@contoso.example'"],
    ['a_b.com#EXT#@c.onmicrosoft.com', "userPrincipalName eq 'a_b.com#EXT#@c.onmicrosoft.com'"],
    ['a&b+c%d@contoso.example', "userPrincipalName eq 'a&b+c%d@contoso.example'"],
    ['$top=1@contoso.example', "userPrincipalName eq '$top=1@contoso.example'"],
  ])('by name %s: whole, and nothing but a value', async (name, filter) => {
    await using stage = await startStage();
    stage.service.find = () => [ada];
    expect((await stage.directory().find(name))?.id).toBe(ada.id);
    const query = new URLSearchParams(stage.asked('GET', /\/users$/)[0]?.query);
    expect([query.get('$filter'), query.get('$top'), [...query.keys()].length]).toEqual([filter, '2', 3]);
  });

  test('by an alias when no name fits; of two nobody', async () => {
    await using stage = await startStage();
    const filters: (string | null)[] = [];
    stage.service.find = (query) => {
      filters.push(query.get('$filter'));
      return filters.length === 2 ? [ada] : [];
    };
    expect((await stage.directory().find('ada.lovelace@contoso.example'))?.id).toBe(ada.id);
    expect(filters[1]).toBe(
      "mail eq 'ada.lovelace@contoso.example' or proxyAddresses/any(p:p eq 'smtp:ada.lovelace@contoso.example')",
    );
    stage.service.find = () => [ada, { ...ada, id: tid }];
    expect(await stage.directory().find('ada@contoso.example')).toBeUndefined();
  });

  test('what can be no name is not asked for', async () => {
    await using stage = await startStage();
    for (const text of ['', ' ', '%', '*', "' or 1=1", 'ada', 'a b@contoso.example']) {
      expect(await stage.directory().find(text)).toBeUndefined();
    }
    expect(stage.proxy.passed).toEqual([]);
    expect(await stage.directory().find(tid)).toBeUndefined();
  });

  test('searched by $search, the whole address first; by startswith where that is refused', async () => {
    await using stage = await startStage();
    const other = { ...ada, id: tid, userPrincipalName: 'ada2@contoso.example' };
    stage.service.find = (query) => (query.has('$search') ? [other, ada] : [ada]);
    const found = await stage.directory().search(' ada@contoso.example ');
    expect(found.map(({ id }) => id)).toEqual([ada.id, tid]);
    await stage.directory().search('a"b\\c AND');
    const searches = stage.asked('GET', /\/users$/).filter(({ query }) => query.includes('search'));
    expect(new URLSearchParams(searches[1]?.query).get('$search')).toBe(
      '"displayName:a b c AND" OR "mail:a b c AND" OR "userPrincipalName:a b c AND"',
    );
    expect(searches[0]?.requestHeaders.consistencylevel).toBe('eventual');
    stage.proxy.fault({ path: /\/users$/ }, faults.graphError(400, 'Request_UnsupportedQuery', 'Unsupported Query.'));
    expect(await stage.directory().search("o'b")).toHaveLength(1);
    const last = new URLSearchParams(stage.asked('GET', /\/users$/).at(-1)?.query);
    expect(last.get('$filter')).toContain("startswith(displayName,'o''b') or startswith(givenName,'o''b')");
    expect(await stage.directory().search('  ')).toEqual([]);
  });

  test('the organisation, read once', async () => {
    await using stage = await startStage();
    const directory = stage.directory();
    const organisation = {
      id: tid,
      displayName: 'Contoso',
      verifiedDomains: ['contoso.example', 'contoso.onmicrosoft.com'],
    };
    expect(await directory.organization()).toEqual(organisation);
    await directory.organization();
    expect(stage.proxy.passed).toHaveLength(1);
  });

  test('reads are repeated when the service is busy, three times in all; then they say so', async () => {
    await using stage = await startStage();
    stage.proxy.fault({ path: /users/, times: 2 }, faults.unavailable(0));
    expect(await stage.directory().find(ada.id)).toBeDefined();
    stage.proxy.fault({ path: /users/, times: 3 }, faults.throttled(0));
    expect((await refused(stage.directory().find(ada.id))).code).toBe('throttled');
    expect(stage.proxy.passed).toHaveLength(6);
    stage.proxy.fault({ path: /users/ }, faults.throttled(30));
    expect(await refused(stage.directory().find(ada.id))).toMatchObject({
      code: 'throttled',
      details: { retryAfter: 30 },
    });
    stage.proxy.fault({ path: /users/ }, faults.dropped());
    expect((await refused(stage.directory().find(ada.id))).code).toBe('unavailable');
    stage.proxy.fault({ path: /users/ }, faults.denied());
    expect(await refused(stage.directory().find(ada.id))).toMatchObject({
      code: 'consentMissing',
      details: { permission: 'User.Read.All' },
    });
  });

  test('a read that gets no answer ends', async () => {
    await using stage = await startStage({ read: 200 });
    stage.proxy.fault({ path: /users/ }, faults.silent());
    expect((await refused(stage.directory().find(ada.id))).code).toBe('unavailable');
  });
});

describe('standing', () => {
  const group = (id: string, isAssignableToRole: boolean | null, more = {}) => ({
    '@odata.type': '#microsoft.graph.group',
    ...{ id, displayName: 'G', isAssignableToRole, ...more },
  });
  const unit = (id: string, isMemberManagementRestricted: boolean) => ({
    '@odata.type': '#microsoft.graph.administrativeUnit',
    ...{ id, displayName: 'U', isMemberManagementRestricted },
  });
  const role = (roleTemplateId: string | null) => ({
    '@odata.type': '#microsoft.graph.directoryRole',
    ...{ id: 'r', displayName: 'R', roleTemplateId },
  });
  const memberOf = `/users/${ada.id}/transitiveMemberOf`;
  const assignments = '/roleManagement/directory/roleAssignments';

  test('of somebody with nothing, and of nobody', async () => {
    await using stage = await startStage();
    const nothing = { roles: [], scoped: [], units: [], roleAssignableGroup: false, restrictedUnit: false };
    expect(await stage.directory().standingOf(ada.id)).toEqual(nothing);
    expect(await stage.directory().standingOf(tid)).toEqual(nothing);
  });

  test('roles held directly and through groups, over everything and over a unit, custom ones too', async () => {
    await using stage = await startStage();
    stage.service.collections[memberOf] = [role('t-direct'), group('g1', true), group('g2', null), unit('u1', false)];
    const held: Record<string, object[]> = {
      [ada.id]: [
        { id: '1', principalId: ada.id, roleDefinitionId: 't-direct', directoryScopeId: '/' },
        { id: '2', principalId: ada.id, roleDefinitionId: 't-unit', directoryScopeId: '/administrativeUnits/u9' },
        { id: '3', principalId: ada.id, roleDefinitionId: 'custom', directoryScopeId: '/' },
        { id: '4', principalId: ada.id, roleDefinitionId: 't-app', directoryScopeId: '/app-object' },
      ],
      g1: [{ id: '5', principalId: 'g1', roleDefinitionId: 't-group', directoryScopeId: '/' }],
    };
    stage.proxy.fault(
      { path: /roleAssignments$/, ...always },
      {
        name: 'assignments',
        meet: async ({ query }) => {
          const principal = /principalId eq '(.*)'/.exec(new URLSearchParams(query).get('$filter') ?? '')?.[1] ?? '';
          return jsonAnswer(200, { value: held[principal] ?? [] });
        },
      },
    );
    expect(await stage.directory().standingOf(ada.id)).toEqual({
      roles: ['t-direct', 'custom', 't-group'],
      scoped: [
        { role: 't-unit', unit: 'u9' },
        { role: 't-app', unit: 'app-object' },
      ],
      units: ['u1'],
      roleAssignableGroup: true,
      restrictedUnit: false,
    });
    expect(stage.asked('GET', /roleAssignments/)).toHaveLength(2);
    expect(stage.asked('GET', /administrativeUnits\/u9/)).toHaveLength(1);
  });

  test('an owner of a role-assignable group; a member, or an administrator, of a restricted unit', async () => {
    await using stage = await startStage();
    stage.service.collections[`/users/${ada.id}/ownedObjects`] = [
      group('g', true),
      { '@odata.type': '#microsoft.graph.application', id: 'a' },
    ];
    expect(await stage.directory().standingOf(ada.id)).toMatchObject({ roleAssignableGroup: true });
    stage.service.collections[memberOf] = [unit('u', true)];
    const member = { units: ['u'], restrictedUnits: ['u'], restrictedUnit: false };
    expect(await stage.directory().standingOf(ada.id)).toMatchObject(member);
    stage.service.collections[memberOf] = [unit('u', false)];
    expect(await stage.directory().standingOf(ada.id)).not.toHaveProperty('restrictedUnits');
    stage.service.collections[memberOf] = [unit('u', true)];
    stage.service.collections[assignments] = [
      { id: '1', roleDefinitionId: 't', directoryScopeId: '/administrativeUnits/u' },
    ];
    expect(await stage.directory().standingOf(ada.id)).toMatchObject({ restrictedUnits: ['u'], restrictedUnit: true });
    stage.service.collections[memberOf] = [];
    stage.service.collections[assignments] = [
      { id: '1', roleDefinitionId: 't', directoryScopeId: '/administrativeUnits/u' },
    ];
    expect(await stage.directory().standingOf(ada.id)).toMatchObject({ restrictedUnit: false });
    stage.proxy.fault(
      { path: /administrativeUnits/ },
      faults.edited(() => jsonAnswer(200, { id: 'u', displayName: 'U', isMemberManagementRestricted: true })),
    );
    expect(await stage.directory().standingOf(ada.id)).toMatchObject({ restrictedUnit: true });
  });

  test.each([
    ['a group without its properties', memberOf, group('g', null, { displayName: null }), 'GroupMember.Read.All'],
    ['a role without its template', memberOf, role(null), 'RoleManagement.Read.Directory'],
    [
      'a unit without its properties',
      memberOf,
      { ...unit('u', false), displayName: null },
      'AdministrativeUnit.Read.All',
    ],
    [
      'an owned group',
      `/users/${ada.id}/ownedObjects`,
      group('g', null, { displayName: null }),
      'GroupMember.Read.All',
    ],
  ])('%s is never "no roles"', async (_, path, thing, permission) => {
    await using stage = await startStage();
    stage.service.collections[path] = [thing];
    expect(await refused(stage.directory().standingOf(ada.id))).toMatchObject({
      code: 'consentMissing',
      details: { permission },
    });
  });

  test.each([/transitiveMemberOf/, /ownedObjects/, /roleAssignments/])(
    'what may not be read at %s is never "no roles"',
    async (path) => {
      await using stage = await startStage();
      stage.proxy.fault({ path }, faults.denied());
      expect((await refused(stage.directory({ kind: 'connector' }).standingOf(ada.id))).code).toBe('consentMissing');
    },
  );

  test('on behalf of an admin who may not read assignments the memberships count, and Graph decides', async () => {
    await using stage = await startStage();
    stage.service.collections[memberOf] = [role(roleTemplates['Helpdesk Administrator'])];
    stage.proxy.fault({ path: /roleAssignments/ }, faults.denied());
    expect((await stage.directory().standingOf(ada.id)).roles).toEqual([roleTemplates['Helpdesk Administrator']]);
    stage.proxy.fault({ path: /transitiveMemberOf/ }, faults.denied());
    expect((await refused(stage.directory().standingOf(ada.id))).code).toBe('consentMissing');
  });

  test('every page counts; a link to another host is not followed', async () => {
    await using stage = await startStage();
    const page = (value: object[], next?: string) =>
      faults.edited(() => jsonAnswer(200, { value, ...(next === undefined ? {} : { '@odata.nextLink': next }) }));
    const here = `${stage.proxy.origin}/v1.0/users/${ada.id}/transitiveMemberOf?$top=999&$skiptoken=a%26b`;
    stage.proxy.fault(
      { path: /transitiveMemberOf/, times: 2 },
      faults.inTurn(page([role('one')], here), page([role('two')])),
    );
    expect((await stage.directory().standingOf(ada.id)).roles).toEqual(['one', 'two']);
    expect(stage.asked('GET', /transitiveMemberOf/)[1]?.query).toContain('$skiptoken=a%26b');
    const elsewhere = await import('../graph/fault-proxy.ts').then(({ startFaultProxy }) => startFaultProxy());
    stage.proxy.fault({ path: /transitiveMemberOf/ }, page([], `${elsewhere.origin}/v1.0/users`));
    expect((await refused(stage.directory().standingOf(ada.id))).code).toBe('unavailable');
    expect(elsewhere.passed).toEqual([]);
    await elsewhere.close();
  });

  test('one’s own is asked of /me, which needs less', async () => {
    await using stage = await startStage();
    await stage.directory().standingOf(stage.callerId);
    expect(stage.asked('GET', /\/me\/transitiveMemberOf$/)).toHaveLength(1);
    expect(stage.asked('GET', /\/users\/.*\/transitiveMemberOf$/)).toHaveLength(0);
  });
});

describe('obstacles', () => {
  const of = async (stage: Awaited<ReturnType<typeof startStage>>, more: object, directory = stage.directory()) => {
    stage.service.people[ada.id] = { ...ada, ...more };
    const user = await directory.find(ada.id);
    return user && directory.obstacle(user);
  };

  test('a guest, a federated domain, a synchronised person without a way back; else none', async () => {
    await using stage = await startStage();
    expect(await of(stage, {})).toBeUndefined();
    expect(await of(stage, { userType: 'Guest' })).toMatchObject({ code: 'targetGuest' });
    expect(await of(stage, { userPrincipalName: 'a_b.com#EXT#@c.onmicrosoft.com' })).toMatchObject({
      code: 'targetGuest',
    });
    stage.service.collections['/domains'] = [
      { id: 'contoso.example', authenticationType: 'Managed' },
      { id: 'Fed.example', authenticationType: 'Federated' },
    ];
    expect(await of(stage, {})).toBeUndefined();
    const federated = await of(stage, { userPrincipalName: 'ada@fed.example' });
    expect(federated).toMatchObject({ code: 'targetFederated', details: { domain: 'fed.example' } });
    stage.proxy.fault({ path: /\/domains$/ }, faults.denied());
    expect(await of(stage, { userPrincipalName: 'ada@fed.example' })).toBeUndefined();
    expect(await of(stage, { onPremisesSyncEnabled: true })).toBeUndefined();
    const features = (passwordWritebackEnabled: boolean) => [{ id: tid, features: { passwordWritebackEnabled } }];
    stage.service.collections['/directory/onPremisesSynchronization'] = features(false);
    expect(await of(stage, { onPremisesSyncEnabled: true })).toMatchObject({ code: 'targetSynced' });
    stage.service.collections['/directory/onPremisesSynchronization'] = features(true);
    expect(await of(stage, { onPremisesSyncEnabled: true })).toBeUndefined();
    expect(await of(stage, { onPremisesSyncEnabled: true }, stage.asApp())).toMatchObject({
      code: 'targetSynced',
      details: { reason: 'appOnly' },
    });
  });
});

describe('beside the password', () => {
  test('sessions: 200 and 204 are done, 403 is the password without them, a lost answer is unknown', async () => {
    await using stage = await startStage();
    const revoke = () => stage.directory().revokeSessions(ada.id);
    expect(await revoke()).toMatchObject({ outcome: 'done' });
    stage.proxy.fault(
      { path: /revoke/ },
      faults.edited(() => ({ status: 204, headers: {}, bytes: Buffer.alloc(0) })),
    );
    expect(await revoke()).toMatchObject({ outcome: 'done' });
    stage.proxy.fault({ path: /revoke/ }, faults.denied());
    expect(await revoke()).toMatchObject({ outcome: 'failed', problem: { code: 'sessionsNotEnded' } });
    stage.proxy.fault({ path: /revoke/ }, faults.dropped());
    expect(await revoke()).toMatchObject({ outcome: 'unknown' });
    expect(await stage.directory().revokeSessions(tid)).toMatchObject({ problem: { code: 'targetUnknown' } });
  });

  test('an address is put beside the others, once', async () => {
    await using stage = await startStage();
    const remember = (address: string) => stage.directory().rememberAddress(ada.id, address);
    expect(await remember('new@post.example')).toMatchObject({ outcome: 'done' });
    expect(stage.service.people[ada.id]?.otherMails).toEqual([
      'ada@mail.example',
      'ADA@contoso.example',
      'new@post.example',
    ]);
    for (const known of ['NEW@post.example', 'ada.lovelace@contoso.example']) await remember(known);
    expect(stage.asked('PATCH', /users/)).toHaveLength(1);
    stage.proxy.fault({ method: 'PATCH', path: /users/ }, faults.denied());
    expect(await remember('newer@post.example')).toMatchObject({
      outcome: 'failed',
      problem: { code: 'targetPrivileged' },
    });
    expect(await stage.directory().rememberAddress(tid, 'a@b.example')).toMatchObject({
      problem: { code: 'targetUnknown' },
    });
  });

  const wanted = { lifetimeInMinutes: 90, isUsableOnce: true };
  const passesOf = (stage: Awaited<ReturnType<typeof startStage>>) => {
    const passes = stage.directory().temporaryAccessPass;
    if (!passes) throw new Error('There are no passes.');
    return passes;
  };

  test('a Temporary Access Pass, which does not print', async () => {
    await using stage = await startStage();
    const given = await passesOf(stage).create(ada.id, wanted, 'reset:1');
    if (given.outcome !== 'done') return expect.fail(given.outcome);
    expect(given).toMatchObject({ id: expect.stringMatching(/^6{8}-/), until: given.at + 90 * 60_000 });
    expect(given.pass.reveal()).toBe('T4p-Secret');
    expect(inspect(given, { depth: 9 }) + JSON.stringify(given)).not.toContain('T4p-Secret');
    const [asked] = stage.asked('POST', /temporaryAccessPass/);
    expect(asked?.requestBody).toEqual(wanted);
    const off = 'Temporary Access Pass is not enabled by policy.';
    stage.proxy.fault({ method: 'POST', path: /temporaryAccessPass/ }, faults.graphError(400, 'badRequest', off));
    expect(await passesOf(stage).create(ada.id, wanted, 'reset:1')).toMatchObject({
      outcome: 'failed',
      problem: { code: 'directoryRefused', details: { reason: off.slice(0, -1) } },
    });
    stage.proxy.fault({ method: 'POST', path: /temporaryAccessPass/ }, faults.committedThenDropped());
    expect(await passesOf(stage).create(ada.id, wanted, 'reset:1')).toMatchObject({ outcome: 'unknown' });
  });

  test('a pass lives as long as the tenant’s policy has it; where that cannot be read, as is usual', async () => {
    await using stage = await startStage();
    const person = await stage.directory().find(ada.id);
    if (!person) return expect.fail('nobody');
    expect(await passesOf(stage).allowed(person)).toEqual({ maximumLifetimeInMinutes: 480 });
    expect(await passesOf(stage).allowed({ ...person, userType: 'Guest' })).toBeUndefined();
    expect(stage.asApp().temporaryAccessPass).toBeUndefined();
    const short = await passesOf(stage).create(ada.id, { ...wanted, lifetimeInMinutes: 10 }, 'reset:1');
    expect(short.outcome === 'done' && short.until - short.at).toBe(60 * 60_000);
    const path = /authenticationMethodConfigurations/;
    stage.service.passPolicy = { state: 'enabled', minimumLifetimeInMinutes: 10, maximumLifetimeInMinutes: 1440 };
    expect(await passesOf(stage).allowed(person)).toEqual({ maximumLifetimeInMinutes: 1440 });
    const brief = await passesOf(stage).create(ada.id, { ...wanted, lifetimeInMinutes: 10 }, 'reset:1');
    expect(brief.outcome === 'done' && brief.until - brief.at).toBe(10 * 60_000);
    stage.service.passPolicy = { state: 'disabled' };
    expect(await passesOf(stage).allowed(person)).toBeUndefined();
    stage.proxy.fault({ path, times: 3 }, faults.unavailable(0));
    await expect(passesOf(stage).allowed(person)).rejects.toThrow('unavailable');
  });

  test('whoever is not in the policy gets none, though Graph makes it', async () => {
    await using stage = await startStage();
    stage.service.pass.methodUsabilityReason = 'DisabledByPolicy';
    expect(await passesOf(stage).create(ada.id, wanted, 'reset:1')).toMatchObject({
      problem: { code: 'passNotAllowed' },
    });
    expect(stage.asked('DELETE', /temporaryAccessPassMethods\/6{8}-/)).toHaveLength(1);
  });

  test('used, removed, gone', async () => {
    await using stage = await startStage();
    const made = await passesOf(stage).create(ada.id, wanted, 'reset:1');
    if (made.outcome !== 'done') return expect.fail(made.outcome);
    expect(await passesOf(stage).isUsed(ada.id, made.id)).toBe(false);
    stage.service.pass.methodUsabilityReason = 'OneTimeUsed';
    expect(await passesOf(stage).isUsed(ada.id, made.id)).toBe(true);
    expect(await passesOf(stage).isUsed(ada.id, tid)).toBe(false);
    expect(await passesOf(stage).remove(ada.id, tid)).toMatchObject({ outcome: 'done' });
    expect(stage.service.pass.there).toBe(true);
    expect(await passesOf(stage).remove(ada.id)).toMatchObject({ outcome: 'done' });
    expect(stage.service.pass.there).toBe(false);
    for (const id of [made.id, undefined])
      expect(await passesOf(stage).remove(ada.id, id)).toMatchObject({ outcome: 'done' });
    expect(await passesOf(stage).isUsed(ada.id, made.id)).toBe(false);
  });
});

describe('with whose right', () => {
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}';

  test('a claims challenge goes to the admin as it came; nothing is done, and the next try has a new token', async () => {
    await using stage = await startStage();
    stage.proxy.fault({ method: 'PATCH', path: /users/ }, faults.insufficientClaims(claims));
    const set = () =>
      stage.directory().setPassword(ada.id, { password, forceChangePasswordNextSignIn: true }, 'reset:1');
    expect(await set()).toMatchObject({ outcome: 'failed', problem: { code: 'signInAgain', details: { claims } } });
    expect(stage.service.set).toEqual([]);
    expect(await set()).toMatchObject({ outcome: 'done' });
    expect(stage.asked('PATCH', /users/).map(({ requestHeaders }) => requestHeaders.authorization)).toEqual([
      'Bearer access-1',
      'Bearer access-2',
    ]);
    stage.proxy.fault({ path: /users/ }, faults.insufficientClaims(claims));
    expect(await refused(stage.directory().find(ada.id))).toMatchObject({ code: 'signInAgain', details: { claims } });
  });

  test('a token that Graph does not take any more is replaced once; then somebody has to sign in', async () => {
    await using stage = await startStage();
    const old = faults.graphError(
      401,
      'InvalidAuthenticationToken',
      'Lifetime validation failed, the token is expired.',
    );
    stage.proxy.fault({ path: /users/ }, old);
    expect(await stage.directory().find(ada.id)).toBeDefined();
    stage.proxy.fault({ path: /users/, times: 2 }, old);
    expect(await refused(stage.directory().find(ada.id))).toMatchObject({ code: 'signInAgain', details: {} });
  });

  test('in its own name a challenge is met by a new token with those claims', async () => {
    await using stage = await startStage();
    stage.proxy.fault({ path: /users/ }, faults.insufficientClaims(claims));
    expect(await stage.asApp().find(ada.id)).toBeDefined();
    expect(stage.entra.asked.map((asked) => asked.get('grant_type'))).toEqual([
      'client_credentials',
      'client_credentials',
    ]);
    expect(JSON.parse(stage.entra.asked[1]?.get('claims') ?? '').access_token.nbf).toEqual({
      essential: true,
      value: '1604106651',
    });
    stage.proxy.fault({ path: /users/, times: 2 }, faults.graphError(401, 'InvalidAuthenticationToken', 'No.'));
    expect((await refused(stage.asApp().find(ada.id))).code).toBe('directoryMisconfigured');
  });

  test('what a reset takes along: the refresh token, and with it the walk goes on', async () => {
    await using stage = await startStage();
    const grant = await stage.directory().grant();
    if (grant.identity !== 'admin') return expect.fail(grant.identity);
    expect(inspect(grant)).not.toContain('refresh-1');
    let kept: Secret | undefined;
    const keep = async (secret: Secret) => {
      kept = secret;
    };
    const walking = () => stage.directory({ kind: 'grant', grant, keep });
    expect(await walking().find(ada.id)).toBeDefined();
    expect(await walking().find(ada.id)).toBeDefined();
    expect(
      stage.entra.asked.map((asked) => asked.get('grant_type')).filter((one) => one === 'refresh_token'),
    ).toHaveLength(1);
    expect(kept?.reveal()).toBe('refresh-2');
    expect(await walking().grant()).toEqual(grant);
  });

  test('without a refresh token: the connector itself where it may do all that is needed, else this hour’s token, else nothing', async () => {
    await using stage = await startStage();
    stage.entra.script.refreshTokens = false;
    const grant = await stage.directory().grant();
    if (grant.identity !== 'none' || !grant.secret) return expect.fail(grant.identity);
    const keep = async () => {};
    expect(await stage.directory({ kind: 'grant', grant, keep }).find(ada.id)).toBeDefined();
    const empty = stage.directory({ kind: 'grant', grant: { identity: 'none' }, keep });
    expect((await refused(empty.find(ada.id))).code).toBe('signInAgain');
    const { grantOf } = await import('../../connector/entra/right.ts');
    const granted = (roles: readonly string[]) => {
      const claimed = Buffer.from(JSON.stringify({ roles })).toString('base64url');
      const ownName = async () => ({ token: new Secret(`h.${claimed}.s`) });
      return grantOf({ tokens: { ...stage.tenant.tokens, ownName }, as: 'admin' }, stage.admin);
    };
    const needed = Object.entries(applicationPermissions).filter(([, permission]) => permission.needed);
    expect(await granted(needed.map(([name]) => name))).toEqual({ identity: 'connector' });
    // One that is missing would be found out after the mail.
    expect((await granted(['User-PasswordProfile.ReadWrite.All'])).identity).toBe('none');
    expect(await stage.asApp().grant()).toEqual({ identity: 'connector' });
    expect(await stage.directory({ kind: 'connector' }).grant()).toEqual({ identity: 'connector' });
  });

  test('asked for in the admin’s name is all that was consented to', async () => {
    await using stage = await startStage();
    await stage.directory().find(ada.id);
    const scope = stage.entra.asked[0]?.get('scope')?.split(' ') ?? [];
    expect(scope).toEqual([`${stage.proxy.origin}/.default`, 'offline_access']);
  });
});

test('an error page of a gateway is read as well', async () => {
  await using stage = await startStage();
  const html = { status: 502, headers: { 'content-type': 'text/html' }, bytes: Buffer.from('<html>Bad Gateway') };
  stage.proxy.fault(
    { path: /users/ },
    faults.edited(() => html),
  );
  expect((await refused(stage.directory().find(ada.id))).code).toBe('unavailable');
  stage.proxy.fault(
    { path: /users/ },
    faults.edited((_, __, asked) => graphError(asked, 418, '', '')),
  );
  expect((await refused(stage.directory().find(ada.id))).code).toBe('directoryRefused');
});
