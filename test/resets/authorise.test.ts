// Who may reset whom, as the door answers it: why not, with names; roles through groups; a role over one unit.

import { describe, expect, it } from 'vitest';
import type { Offer } from '#shared/api.ts';
import type { ProblemBody } from '#shared/problem.ts';
import type { Directory } from '../../connector/directory/directory.ts';
import { noStanding, roleTemplates, type Standing } from '../../connector/policy/roles.ts';
import { coreGroup, createGroup } from '../../connector/store/groups.ts';
import { assignRole } from '../../connector/store/roles.ts';
import { makeWorld, type World } from '../world.ts';

const names = ['globalAdmin', 'passwordAdmin', 'noRole', 'amara'] as const;
const operator = { at: 0, actor: 'operator' };

/** The directory as one with administrative units would answer for these people. */
const standing = (world: World, given: Partial<Record<(typeof names)[number], Standing>>) => (real: Directory) => ({
  ...real,
  standingOf: async (id: string) => {
    const name = names.find((one) => world.ids[one] === id);
    return (name && given[name]) ?? real.standingOf(id);
  },
});

describe('why not', () => {
  it('names the role in the way, one’s own, and who could', async () => {
    await using world = await makeWorld({ names });
    const refused = await world.reset('passwordAdmin', 'globalAdmin');
    expect(refused.statusCode).toBe(403);
    expect(refused.json<ProblemBody>()).toMatchObject({
      code: 'targetPrivileged',
      detail:
        'This person holds the role Global Administrator, which Password Administrator does not reach. Only a Privileged Authentication Administrator or Global Administrator can reset their password.',
      details: {
        role: 'Global Administrator',
        yours: 'Password Administrator',
        who: 'Privileged Authentication Administrator, Global Administrator',
      },
    });
  });

  it('tells a caller without a role nothing of who exists', async () => {
    await using world = await makeWorld({ names });
    for (const user of [world.ids.amara, '00000000-0000-4000-8000-000000000000']) {
      const refused = await world.reset('noRole', 'amara', { user });
      expect([refused.statusCode, refused.json<ProblemBody>()]).toMatchObject([403, { code: 'roleMissing' }]);
      expect(refused.json<ProblemBody>()).not.toHaveProperty('details.role');
    }
  });
});

describe('groups', () => {
  it('a role through a group lets one reset, and protects its holders from those below', async () => {
    await using world = await makeWorld({ names });
    const { sql, ids } = world;
    const content = { schemas: [coreGroup], displayName: 'Service desk' };
    await sql.run((tx) => createGroup(tx, 'default', 'desk', content, [ids.noRole], operator));
    const role = roleTemplates['Helpdesk Administrator'];
    await sql.run((tx) => assignRole(tx, 'default', 'desk', role, operator));
    const made = await world.reset('noRole', 'amara');
    expect(made.statusCode, made.body).toBe(202);
    const row = await sql.get<{ role: string }>`select caller_role as role from reset`;
    expect(row?.role).toBe('Helpdesk Administrator');
    const offer = await world.api('passwordAdmin', 'GET', `/users/${ids.noRole}/offer`);
    expect(offer.json<Offer>()).toMatchObject({ refusal: { code: 'targetPrivileged' }, addresses: [] });
  });
});

describe('a role over one administrative unit', () => {
  const desk = { ...noStanding, scoped: [{ role: roleTemplates['Helpdesk Administrator'], unit: 'u1' }] };

  it('searches, resets the unit’s people, and is told why nobody else', async () => {
    await using world = await makeWorld({ names });
    world.directory = standing(world, { noRole: desk, amara: { ...noStanding, units: ['u1'] } });
    const found = await world.api('noRole', 'GET', '/users?search=amara');
    expect([found.statusCode, found.body]).toEqual([200, expect.stringContaining(world.ids.amara)]);
    expect((await world.reset('noRole', 'amara')).statusCode).toBe(202);
    const outside = await world.api('noRole', 'GET', `/users/${world.ids.passwordAdmin}/offer`);
    expect(outside.json<Offer>().refusal).toMatchObject({
      code: 'targetOutsideUnit',
      details: { yours: 'Helpdesk Administrator', scoped: true },
    });
    const unknown = await world.reset('noRole', 'amara', { user: '00000000-0000-4000-8000-000000000000' });
    expect(unknown.json<ProblemBody>().code).toBe('targetUnknown');
  });

  it('people of a unit with restricted management are not even a Global Administrator’s', async () => {
    await using world = await makeWorld({ names });
    world.directory = standing(world, { amara: { ...noStanding, units: ['u1'], restrictedUnits: ['u1'] } });
    const refused = await world.reset('globalAdmin', 'amara');
    expect([refused.statusCode, refused.json<ProblemBody>().code]).toEqual([403, 'targetRestricted']);
    expect(refused.json<ProblemBody>().detail).toMatch(/Only its own administrators/);
  });
});
