// RFC 7644 §3.5.2.3 on members, which are rows: first whether the filter matched, then whether what is asked may be.

import { expect, test } from 'vitest';
import { scimServer } from './scim-server.ts';

test('§3.5.2.3 a replace whose filter matches no member is noTarget, whatever its value would be', async () => {
  await using server = await scimServer();
  const ada = await server.create({ userName: 'ada' });
  const bob = await server.create({ userName: 'bob' });
  const group = await server.createGroup({ displayName: 'g', members: [{ value: ada.id }] });
  const refusal = async (path: string, value: unknown) =>
    (await server.patchGroup(group.id, { op: 'replace', path, value })).body?.scimType;
  for (const path of ['members[value eq "none"]', `members[value eq "${bob.id}"]`, 'members[display eq "nobody"]']) {
    expect(await refusal(path, { value: ada.id })).toBe('noTarget');
    expect(await refusal(`${path}.value`, ada.id)).toBe('noTarget');
    expect(await refusal(`${path}.display`, 'x')).toBe('noTarget');
  }
  expect(await refusal(`members[value eq "${ada.id}"]`, { value: bob.id })).toBe('mutability');
  expect(await refusal(`members[value eq "${ada.id}"].value`, bob.id)).toBe('mutability');
  expect(await refusal('members[type eq "User"]', { value: bob.id })).toBe('mutability');
  expect((await server.ask('GET', `/Groups/${group.id}`)).body.meta.version).toBe('W/"1"');
});
