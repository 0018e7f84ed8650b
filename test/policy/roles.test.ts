// Who may reset whom: Microsoft's matrix row by row where its data lies beside the project, samples by hand, and what must
// hold whoever the two are.

import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { problemSentence } from '#shared/messages/problem.ts';
import {
  type Action,
  actions,
  mayDo,
  mayReset,
  mayResetSomebody,
  noStanding,
  type Permission,
  type RoleName,
  resettingRoles,
  roleName,
  roleTemplateId,
  roleTemplates,
  type Standing,
} from '../../connector/policy/roles.ts';
import { actionsAsMarkdown, matrixAsMarkdown } from '../../connector/policy/roles-markdown.ts';

const everyMember = 'b79fbf4d-3ef9-4689-8143-76b194e85509';
const custom = '00000000-0000-4000-8000-000000000000';

/** Somebody who holds these roles over the whole organisation. */
const holding = (...names: RoleName[]): Standing => ({
  ...noStanding,
  roles: names.map((name) => roleTemplates[name]),
});
const decide = (caller: Standing, target: Standing) => mayReset(caller, target, { self: false });
const by = (decision: Permission) => (decision.allowed ? decision.by : decision.code);

// Microsoft's data ------------------------------------------------------------------------------------------------

const shared = new URL('../../../shared/data/', import.meta.url);
const present = existsSync(new URL('who-can-reset.json', shared));
const read = <T>(name: string) => JSON.parse(readFileSync(new URL(name, shared), 'utf8')) as T;

interface Data {
  readonly roles: Record<string, { displayName: string }>;
  readonly canResetPassword: Record<string, { targets: string[] }>;
  readonly canDoSensitiveAction: Record<string, { targets: string[] }>;
  readonly deprecatedActors: Record<string, unknown>;
}

/** Somebody who is what a row of the data says: a role, or one of its special targets. */
function standingFor(target: string): Standing {
  if (target === 'none') return noStanding;
  if (target === 'roleAssignableGroupMemberOrOwner') return { ...noStanding, roleAssignableGroup: true };
  if (target === 'restrictedManagementAdministrativeUnitRole') return { ...noStanding, restrictedUnit: true };
  return { ...noStanding, roles: [target === 'anyOtherRole' ? custom : target] };
}

describe.skipIf(!present)('Microsoft’s data (../shared/data, which is not part of the project)', () => {
  test('all vectors', () => {
    const rows = read<{ actor: string; target: string; allowed: boolean }[]>('who-can-reset.vectors.json');
    expect(rows).toHaveLength(108);
    for (const { actor, target, allowed } of rows) {
      const decision = decide({ ...noStanding, roles: [actor] }, standingFor(target));
      expect([actor, target, decision.allowed]).toEqual([actor, target, allowed]);
      if (decision.allowed) expect(decision.by).toBe(roleName(actor));
    }
  });

  test('several roles on either side: some one of the caller’s must reach each of the person’s', () => {
    const { canResetPassword } = read<Data>('who-can-reset.json');
    const actors = fc.uniqueArray(fc.constantFrom(...Object.keys(canResetPassword)), { maxLength: 3 });
    const rows = Object.values(canResetPassword).flatMap(({ targets }) => targets);
    const targets = fc.uniqueArray(fc.constantFrom(...new Set(rows)), { maxLength: 4 });
    fc.assert(
      fc.property(actors, targets, (caller, target) => {
        const standing = target.map(standingFor).reduce(together, noStanding);
        const held = target.length === 0 ? ['none'] : target;
        const expected = caller.some((actor) => held.every((one) => canResetPassword[actor]?.targets.includes(one)));
        expect(decide({ ...noStanding, roles: caller }, standing).allowed).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test('sensitive actions', () => {
    const { canDoSensitiveAction, canResetPassword } = read<Data>('who-can-reset.json');
    for (const actor of Object.keys(canResetPassword)) {
      for (const target of new Set(Object.values(canResetPassword).flatMap(({ targets }) => targets))) {
        const expected = canDoSensitiveAction[actor]?.targets.includes(target) ?? false;
        for (const action of ['updateSensitive', 'deleteUser'] as const) {
          const decision = mayDo(action, { ...noStanding, roles: [actor] }, standingFor(target));
          expect([action, actor, target, decision.allowed]).toEqual([action, actor, target, expected]);
        }
      }
    }
  });

  test('names of roles; deprecated ones reset nobody', () => {
    const { roles, deprecatedActors } = read<Data>('who-can-reset.json');
    for (const [id, { displayName }] of Object.entries(roles)) expect(roleName(id)).toBe(displayName);
    expect(Object.keys(deprecatedActors)).toHaveLength(2);
    for (const id of Object.keys(deprecatedActors)) {
      expect(by(decide({ ...noStanding, roles: [id] }, noStanding))).toBe('roleMissing');
    }
  });
});

/** Somebody who is both. */
function together(one: Standing, other: Standing): Standing {
  return {
    roles: [...one.roles, ...other.roles],
    scoped: [...one.scoped, ...other.scoped],
    units: [...one.units, ...other.units],
    restrictedUnits: [...(one.restrictedUnits ?? []), ...(other.restrictedUnits ?? [])],
    roleAssignableGroup: one.roleAssignableGroup || other.roleAssignableGroup,
    restrictedUnit: one.restrictedUnit || other.restrictedUnit,
  };
}

// By hand -------------------------------------------------------------------------------------------------------

describe('golden files', () => {
  test.each([
    ['who-can-reset.md', matrixAsMarkdown],
    ['who-may-do.md', actionsAsMarkdown],
  ])('%s', (file, made) => {
    expect(made()).toBe(readFileSync(new URL(`golden/${file}`, import.meta.url), 'utf8'));
  });
});

describe('mayReset', () => {
  test.each<[RoleName[], RoleName[], ReturnType<typeof by>]>([
    [['Global Administrator'], ['Global Administrator'], 'Global Administrator'],
    [['Password Administrator'], [], 'Password Administrator'],
    [['Password Administrator'], ['Password Administrator', 'Guest Inviter'], 'Password Administrator'],
    [['Password Administrator'], ['Guest Inviter', 'Reports Reader'], 'targetPrivileged'],
    [['Helpdesk Administrator'], ['Reports Reader', 'Helpdesk Administrator'], 'Helpdesk Administrator'],
    [['Helpdesk Administrator'], ['Authentication Administrator'], 'targetPrivileged'],
    // Each role reaches one of the two, neither reaches both.
    [
      ['Helpdesk Administrator', 'Authentication Administrator'],
      ['Helpdesk Administrator', 'Authentication Administrator'],
      'targetPrivileged',
    ],
    [['User Administrator'], ['Exchange Administrator'], 'targetPrivileged'],
    [
      ['Privileged Authentication Administrator'],
      ['Exchange Administrator'],
      'Privileged Authentication Administrator',
    ],
    // The least privileged that suffices is the one on record, in whichever order they are held.
    [['Global Administrator', 'Password Administrator'], [], 'Password Administrator'],
    [['Password Administrator', 'Global Administrator'], ['Global Administrator'], 'Global Administrator'],
    [['Privileged Role Administrator'], [], 'roleMissing'],
    [['Directory Readers', 'Security Administrator', 'Partner Tier2 Support'], [], 'roleMissing'],
    [[], [], 'roleMissing'],
  ])('%j, %j: %s', (caller, target, expected) => {
    expect(by(decide(holding(...caller), holding(...target)))).toBe(expected);
  });

  test('custom and unknown roles reset nobody, and protect like any other role', () => {
    for (const id of [custom, 'not even an id', '', 'Global Administrator']) {
      const odd = { ...noStanding, roles: [id] };
      expect(by(decide(odd, noStanding))).toBe('roleMissing');
      expect(by(decide(holding('User Administrator'), odd))).toBe('targetPrivileged');
      expect(by(decide(holding('Global Administrator'), odd))).toBe('Global Administrator');
    }
  });

  test('what every member carries is no role', () => {
    const member = { ...noStanding, roles: [everyMember] };
    expect(by(decide(member, noStanding))).toBe('roleMissing');
    expect(by(decide(holding('Password Administrator'), member))).toBe('Password Administrator');
  });

  test('ids are compared whatever their case', () => {
    const caller = { ...noStanding, roles: [roleTemplates['Password Administrator'].toUpperCase()] };
    const target = { ...noStanding, roles: [roleTemplates['Guest Inviter'].toUpperCase(), everyMember.toUpperCase()] };
    expect(decide(caller, target).allowed).toBe(true);
    expect(by(decide(caller, holding('Reports Reader')))).toBe('targetPrivileged');
  });
});

describe('administrative units', () => {
  const over = (unit: string, ...names: RoleName[]): Standing => ({
    ...noStanding,
    scoped: names.map((name) => ({ role: roleTemplates[name], unit })),
  });
  const inside = { ...noStanding, units: ['Unit-1', 'unit-2'] };

  test('a role over a unit reaches its members who hold no role', () => {
    const decision = decide(over('unit-1', 'Helpdesk Administrator'), inside);
    expect(decision).toEqual({ allowed: true, by: 'Helpdesk Administrator', unit: 'unit-1' });
    expect(by(decide(over('unit-3', 'Helpdesk Administrator'), inside))).toBe('targetOutsideUnit');
    expect(by(decide(over('unit-1', 'Helpdesk Administrator'), noStanding))).toBe('targetOutsideUnit');
    for (const role of ['Directory Readers', 'Password Administrator', 'Exchange Administrator'] as const) {
      for (const actor of ['Helpdesk Administrator', 'Privileged Authentication Administrator'] as const) {
        expect(by(decide(over('unit-1', actor), { ...inside, ...{ roles: [roleTemplates[role]] } }))).toBe(
          'targetPrivileged',
        );
      }
    }
    expect(by(decide(over('unit-1', 'User Administrator'), { ...inside, roleAssignableGroup: true }))).toBe(
      'targetRoleAssignable',
    );
  });

  test('a Global Administrator’s role cannot be held over a unit', () => {
    expect(by(decide(over('unit-1', 'Global Administrator'), inside))).toBe('roleMissing');
  });

  test('a role over everything is not narrowed by one over a unit; the narrower one is on record where both do', () => {
    const both = together(holding('Helpdesk Administrator'), over('unit-1', 'Helpdesk Administrator'));
    expect(decide(both, inside)).toEqual({ allowed: true, by: 'Helpdesk Administrator', unit: 'unit-1' });
    expect(decide(both, noStanding)).toEqual({ allowed: true, by: 'Helpdesk Administrator' });
  });

  test('a role that the person holds over a unit counts as the role', () => {
    const target = over('unit-9', 'User Administrator');
    expect(by(decide(holding('Helpdesk Administrator'), target))).toBe('targetPrivileged');
    expect(by(decide(holding('User Administrator'), target))).toBe('User Administrator');
  });

  test('restricted management: only a role over that very unit reaches its members, not even a Global Administrator', () => {
    const executive = { ...inside, restrictedUnits: ['unit-2'] };
    expect(by(decide(holding(...resettingRoles), executive))).toBe('targetRestricted');
    expect(by(decide(over('unit-1', 'User Administrator'), executive))).toBe('targetRestricted');
    expect(decide(over('UNIT-2', 'User Administrator'), executive)).toMatchObject({ allowed: true });
    expect(by(mayDo('updateUser', holding('Global Administrator'), executive))).toBe('targetRestricted');
  });

  test('a role over a unit lets one search, and do nothing that concerns the whole organisation', () => {
    const caller = over('unit-1', 'User Administrator');
    expect([mayResetSomebody(caller), mayResetSomebody(over('unit-1', 'Global Administrator'))]).toEqual([true, false]);
    expect([mayResetSomebody(holding('Password Administrator')), mayResetSomebody(holding('Global Reader'))]).toEqual([
      true,
      false,
    ]);
    for (const action of ['createUser', 'writeGroup', 'readRoleAssignments'] as const) {
      expect(by(mayDo(action, caller))).toBe('roleMissing');
    }
  });
});

describe('the neighbouring actions', () => {
  const may = (action: Action, role: RoleName, target?: Standing, self = false) =>
    mayDo(action, holding(role), target, { self }).allowed;

  test('a Password Administrator resets and cannot revoke sessions; a Helpdesk Administrator can', () => {
    expect([may('resetPassword', 'Password Administrator'), may('revokeSessions', 'Password Administrator')]).toEqual([
      true,
      false,
    ]);
    expect(may('revokeSessions', 'Helpdesk Administrator')).toBe(true);
    expect(may('revokeSessions', 'Helpdesk Administrator', holding('User Administrator'))).toBe(false);
  });

  test('a Temporary Access Pass: three roles, as far as each resets, never for oneself', () => {
    const given = resettingRoles.filter((role) => may('temporaryAccessPass', role));
    expect(given).toEqual([
      'Authentication Administrator',
      'Privileged Authentication Administrator',
      'Global Administrator',
    ]);
    expect(may('temporaryAccessPass', 'Authentication Administrator', holding('User Administrator'))).toBe(false);
    expect(may('temporaryAccessPass', 'Global Administrator', noStanding, true)).toBe(false);
  });

  test('plain properties of administrators may be changed, what signs them in may not', () => {
    const admin = holding('Global Administrator');
    expect([
      may('updateUser', 'User Administrator', admin),
      may('updateSensitive', 'User Administrator', admin),
      may('updateRecovery', 'User Administrator', admin),
      may('deleteUser', 'User Administrator', admin),
      may('updateRecovery', 'Password Administrator', noStanding),
      may('updateUser', 'Password Administrator', noStanding),
    ]).toEqual([true, false, false, false, true, false]);
  });

  test('groups and roles', () => {
    const who = (action: Action) => (Object.keys(roleTemplates) as RoleName[]).filter((role) => may(action, role));
    expect(who('writeGroup')).toEqual(['Global Administrator', 'Groups Administrator', 'User Administrator']);
    expect(who('writeRoleAssignableGroup')).toEqual(['Global Administrator', 'Privileged Role Administrator']);
    expect(who('writeRoleAssignments')).toEqual(['Global Administrator', 'Privileged Role Administrator']);
    expect(who('createUser')).toEqual(['Global Administrator', 'User Administrator']);
  });
});

describe('why not, in words', () => {
  const refused = (caller: Standing, target: Standing) => {
    const decision = decide(caller, target);
    if (decision.allowed) throw new Error('It is allowed.');
    return [
      decision,
      problemSentence('en', decision.code, decision.details),
      problemSentence('tr', decision.code, decision.details),
    ];
  };

  test('the role in the way, one’s own, and who could', () => {
    expect(refused(holding('Password Administrator'), holding('Guest Inviter', 'Helpdesk Administrator'))).toEqual([
      {
        allowed: false,
        code: 'targetPrivileged',
        details: {
          role: 'Helpdesk Administrator',
          yours: 'Password Administrator',
          who: 'Helpdesk Administrator, User Administrator, Privileged Authentication Administrator, Global Administrator',
        },
      },
      'This person holds the role Helpdesk Administrator, which Password Administrator does not reach. Only a Helpdesk Administrator, User Administrator, Privileged Authentication Administrator or Global Administrator can reset their password.',
      'Bu kişinin “Yardım Masası Yöneticisi” rolü var; “Parola Yöneticisi” rolü bunun için yeterli değil. Parolasını yalnızca Yardım Masası Yöneticisi, Kullanıcı Yöneticisi, Ayrıcalıklı Kimlik Doğrulama Yöneticisi veya Genel Yönetici sıfırlayabilir.',
    ]);
  });

  test('who could is asked of everything that the person holds', () => {
    const target = { ...holding('Helpdesk Administrator'), roleAssignableGroup: true };
    const [decision] = refused(holding('Password Administrator'), target);
    expect(decision).toMatchObject({
      details: { who: 'Privileged Authentication Administrator, Global Administrator' },
    });
  });

  test('one’s own role that reaches furthest is named, and a custom role has no name', () => {
    const target = { ...noStanding, roles: [custom] };
    const [decision, sentence] = refused(holding('User Administrator', 'Password Administrator'), target);
    expect(decision).toMatchObject({ details: { yours: 'User Administrator' } });
    expect(decision).not.toHaveProperty('details.role');
    expect(sentence).toMatch(
      /^This person holds an administrator role, which User Administrator does not reach\. Only a /,
    );
  });

  test.each([
    [
      holding('Helpdesk Administrator'),
      { ...noStanding, roleAssignableGroup: true },
      'targetRoleAssignable',
      'This person belongs to a group that administrator roles can be assigned to. Only a Privileged Authentication Administrator or Global Administrator can reset their password.',
      /rolü atanabilen bir grupta .* Ayrıcalıklı Kimlik Doğrulama Yöneticisi veya Genel Yönetici sıfırlayabilir\.$/,
    ],
    [
      holding('Helpdesk Administrator'),
      { ...noStanding, restrictedUnit: true },
      'targetRestricted',
      'This person holds a role over an administrative unit with restricted management. Only a Privileged Authentication Administrator or Global Administrator can reset their password.',
      /yönetimi kısıtlı bir yönetim birimi üzerinde rolü var/,
    ],
    [
      holding('Global Administrator'),
      { ...noStanding, units: ['u'], restrictedUnits: ['u'] },
      'targetRestricted',
      'This person is in an administrative unit with restricted management. Only its own administrators can reset their password.',
      /yalnızca o birimin kendi yöneticileri/,
    ],
    [
      { ...noStanding, scoped: [{ role: roleTemplates['Helpdesk Administrator'], unit: 'u' }] },
      holding('Authentication Administrator'),
      'targetOutsideUnit',
      'Your role Helpdesk Administrator holds for an administrative unit that this person is not in. Only an Authentication Administrator, Privileged Authentication Administrator or Global Administrator can reset their password.',
      /^“Yardım Masası Yöneticisi” rolünüz, bu kişinin içinde olmadığı/,
    ],
    [
      { ...noStanding, scoped: [{ role: roleTemplates['User Administrator'], unit: 'u' }] },
      { ...holding('Reports Reader'), units: ['u'] },
      'targetPrivileged',
      'This person holds the role Reports Reader. User Administrator over an administrative unit only reaches people without a role. Only a Helpdesk Administrator, Authentication Administrator, User Administrator, Privileged Authentication Administrator or Global Administrator can reset their password.',
      /“Kullanıcı Yöneticisi” rolü yalnızca hiçbir rolü olmayan kişileri kapsar/,
    ],
    [
      // Of a role for another unit and one over everything, the latter is what the person understands.
      {
        ...holding('Password Administrator'),
        scoped: [{ role: roleTemplates['Privileged Authentication Administrator'], unit: 'u' }],
      },
      holding('Exchange Administrator'),
      'targetPrivileged',
      'This person holds the role Exchange Administrator, which Password Administrator does not reach. Only a Privileged Authentication Administrator or Global Administrator can reset their password.',
      /Exchange Yöneticisi/,
    ],
  ])('%#', (caller, target, code, english, turkish) => {
    const [decision, en, tr] = refused(caller, target);
    expect(decision).toMatchObject({ code });
    expect([en, tr]).toEqual([english, expect.stringMatching(turkish)]);
  });
});

// Whoever they are -------------------------------------------------------------------------------------------------

const roleId = fc.constantFrom(
  ...(['Directory Readers', 'Groups Administrator', 'Exchange Administrator', 'Privileged Role Administrator'] as const)
    .concat(resettingRoles as never)
    .map((name) => roleTemplates[name]),
  ...[custom, everyMember, 'odd', roleTemplates['Partner Tier2 Support']],
);
const unit = fc.constantFrom('u1', 'u2', 'u3');
const standing: fc.Arbitrary<Standing> = fc.record({
  roles: fc.uniqueArray(roleId, { maxLength: 3 }),
  scoped: fc.array(fc.record({ role: roleId, unit }), { maxLength: 2 }),
  units: fc.uniqueArray(unit, { maxLength: 2 }),
  restrictedUnits: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.uniqueArray(unit, { maxLength: 1 })),
  roleAssignableGroup: fc.boolean(),
  restrictedUnit: fc.boolean(),
});
const action = fc.constantFrom(...(Object.keys(actions) as Action[]));
const runs = { numRuns: 2000 };

describe('whoever they are', () => {
  test('what the person holds more never allows more', () => {
    const more = fc.record({
      ...{
        roles: fc.array(roleId, { maxLength: 2 }),
        scoped: fc.array(fc.record({ role: roleId, unit }), { maxLength: 1 }),
      },
      ...{ units: fc.constant([]), roleAssignableGroup: fc.boolean(), restrictedUnit: fc.boolean() },
    });
    fc.assert(
      fc.property(action, standing, standing, more, (what, caller, target, added) => {
        if (mayDo(what, caller, target).allowed) return;
        expect(mayDo(what, caller, together(target, added)).allowed).toBe(false);
      }),
      runs,
    );
  });

  test('what the caller holds more never allows less, and never names a more privileged role', () => {
    const rank = (decision: Permission) =>
      decision.allowed ? (resettingRoles as readonly RoleName[]).indexOf(decision.by) : Number.POSITIVE_INFINITY;
    fc.assert(
      fc.property(standing, standing, standing, (caller, added, target) => {
        expect(rank(decide(together(caller, added), target))).toBeLessThanOrEqual(rank(decide(caller, target)));
      }),
      runs,
    );
  });

  test('nobody resets themselves', () => {
    fc.assert(
      fc.property(standing, standing, (caller, target) => {
        expect(by(mayReset(caller, target, { self: true }))).toBe('targetSelf');
      }),
    );
  });

  test('an unknown role is out of reach of all but two, and gives nothing', () => {
    const id = fc.uuid().filter((one) => roleName(one) === one && one !== everyMember);
    fc.assert(
      fc.property(id, standing, standing, (odd, caller, target) => {
        const decision = decide(caller, together(target, { ...noStanding, roles: [odd] }));
        if (decision.allowed) {
          expect(['Privileged Authentication Administrator', 'Global Administrator']).toContain(decision.by);
          expect(decision).not.toHaveProperty('unit');
        }
        const none = { ...noStanding, roles: [odd], scoped: [{ role: odd, unit: 'u1' }] };
        expect(by(decide(none, target))).toBe('roleMissing');
      }),
      runs,
    );
  });

  test('a refusal tells of roles that would indeed do, and each has its sentences', () => {
    fc.assert(
      fc.property(standing, standing, (caller, target) => {
        const decision = decide(caller, target);
        if (decision.allowed) return;
        for (const locale of ['en', 'tr'] as const) {
          expect(problemSentence(locale, decision.code, decision.details)).not.toMatch(/undefined|true/);
        }
        const able = resettingRoles.filter((role) => decide(holding(role), target).allowed);
        expect(decision.details.who).toBe(able.length === 0 ? undefined : able.join(', '));
      }),
      runs,
    );
  });
});

test('names and ids', () => {
  const global = roleTemplates['Global Administrator'];
  expect(roleTemplateId(' global administrator ')).toBe(global);
  expect(roleTemplateId(global.toUpperCase())).toBe(global);
  expect(roleTemplateId('Root')).toBeUndefined();
  expect(roleName(global.toUpperCase())).toBe('Global Administrator');
  expect(roleName(custom)).toBe(custom);
  expect(new Set(Object.values(roleTemplates)).size).toBe(Object.keys(roleTemplates).length);
});
