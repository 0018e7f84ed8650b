// People of a directory that is elsewhere, and what directory sync knows of them here.

import { expect, test } from 'vitest';
import type { Directory, User } from '../../connector/directory/directory.ts';
import { withRoster } from '../../connector/directory/roster.ts';
import { makeWorld, type World } from '../world.ts';

const id = '0190f5c3-7a11-7222-8333-444455556666';
const person: User = {
  id,
  userPrincipalName: 'Lena@contoso.example',
  displayName: 'Lena Brandt',
  otherMails: ['lena@known.example'],
  proxyAddresses: ['lena@contoso.example', 'l.brandt@contoso.example'],
  accountEnabled: true,
  onPremisesSyncEnabled: false,
};
const elsewhere = { find: async () => person } as Partial<Directory> as Directory;

async function sync(world: World, user: { userName: string; externalId?: string; homes: string[] }) {
  const { homes, ...given } = user;
  const emails = homes.map((value) => ({ value, type: 'home' }));
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const created = await world.scim('POST', '/Users', { schemas, ...given, emails });
  expect(created.statusCode, created.body).toBe(201);
}

async function onFile(world: World): Promise<readonly string[] | undefined> {
  return (await withRoster(elsewhere, world.sql, 'default').find(id))?.otherMails;
}

test('nobody in the roster: what the directory says', async () => {
  await using world = await makeWorld({ names: [] });
  expect(await onFile(world)).toEqual(['lena@known.example']);
});

test('by object id, whatever the name; each address once, and never the own mailbox', async () => {
  await using world = await makeWorld({ names: [] });
  const homes = ['Lena@Known.example', 'lena@post.example', 'L.Brandt@contoso.example'];
  await sync(world, { userName: 'renamed@contoso.example', externalId: id, homes });
  expect(await onFile(world)).toEqual(['lena@known.example', 'lena@post.example']);
});

test('by userPrincipalName in any case, when sync knows no object id', async () => {
  await using world = await makeWorld({ names: [] });
  await sync(world, { userName: 'lena@CONTOSO.example', externalId: 'hr-17', homes: ['lena@post.example'] });
  expect(await onFile(world)).toEqual(['lena@known.example', 'lena@post.example']);
});

test('never by a name that sync has with another object id: it was somebody else’s', async () => {
  await using world = await makeWorld({ names: [] });
  const before = '0190f5c3-0000-7222-8333-444455556666';
  await sync(world, { userName: 'lena@contoso.example', externalId: before, homes: ['former@post.example'] });
  expect(await onFile(world)).toEqual(['lena@known.example']);
});

test('an object id that two people have says nothing; then the name decides', async () => {
  await using world = await makeWorld({ names: [] });
  await sync(world, { userName: 'one@contoso.example', externalId: id, homes: ['one@post.example'] });
  await sync(world, { userName: 'lena@contoso.example', externalId: id, homes: ['lena@post.example'] });
  expect(await onFile(world)).toEqual(['lena@known.example', 'lena@post.example']);
});
