// RFC 7644 §3.4.2.3: sorted by any attribute, unassigned ones last (first when descending), the rules of case kept.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortValue } from '../../connector/filter/filter.ts';
import { compareText, fold } from '../../connector/filter/fold.ts';
import { user } from '../../connector/scim/user.ts';
import { fieldFor, text } from '../filter/arbitraries.ts';
import { core, enterprise, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

async function sorted(server: Server, sortBy: string, more: Record<string, string> = {}, path = '/Users') {
  const { status, body, text } = await server.ask('GET', `${path}?${new URLSearchParams({ sortBy, ...more })}`);
  if (status !== 200) throw new Error(text);
  return body.Resources.map((one: { userName?: string; displayName?: string }) => one.userName ?? one.displayName);
}

async function three(server: Server) {
  await server.create({
    ...{ userName: 'b', displayName: 'beta', title: 'x', externalId: 'B', active: false },
    name: { givenName: 'Zoe' },
    emails: [{ value: 'z@x.example' }, { value: 'a@x.example', primary: true }],
    [enterprise]: { department: '2' },
  });
  await server.create({
    ...{ userName: 'C', displayName: 'Alpha', externalId: 'a' },
    name: { givenName: 'adam' },
    emails: [{ value: 'm@x.example' }, { value: 'b@x.example' }],
    [enterprise]: { department: '1' },
  });
  server.clock.at += 1000;
  await server.create({ userName: 'a', title: 'X' });
}

test.each([
  ['userName', ['a', 'b', 'C']],
  ['USERNAME', ['a', 'b', 'C']],
  [`${core}:userName`, ['a', 'b', 'C']],
  ['displayName', ['C', 'b', 'a']],
  ['name.givenName', ['C', 'b', 'a']],
  // The primary one, or else the first.
  ['emails.value', ['b', 'C', 'a']],
  ['emails', ['b', 'C', 'a']],
  [`${enterprise}:department`, ['C', 'b', 'a']],
  // Case exact: B comes before a.
  ['externalId', ['b', 'C', 'a']],
  ['active', ['b', 'C', 'a']],
])('by %s', async (sortBy, expected) => {
  await using server = await scimServer();
  await three(server);
  const up = await sorted(server, sortBy);
  // Equal ones stand in the order of creation, which is not told within a millisecond.
  expect(sortBy === 'active' ? up[0] : up).toEqual(sortBy === 'active' ? 'b' : expected);
  expect(await sorted(server, sortBy, { sortOrder: 'ascending' })).toEqual(up);
  expect(await sorted(server, sortBy, { sortOrder: 'descending' })).toEqual(up.toReversed());
  expect(await sorted(server, sortBy, { sortOrder: 'Descending', filter: 'userName pr' })).toEqual(up.toReversed());
});

test('by time, within a filter, and of groups', async () => {
  await using server = await scimServer();
  await three(server);
  expect((await sorted(server, 'meta.created', { sortOrder: 'descending' }))[0]).toBe('a');
  expect((await sorted(server, 'meta.lastModified')).at(-1)).toBe('a');
  expect(await sorted(server, 'userName', { filter: 'title eq "x"', sortOrder: 'descending' })).toEqual(['b', 'a']);
  for (const displayName of ['b', 'C', 'a']) {
    await server.ask('POST', '/Groups', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName });
  }
  expect(await sorted(server, 'displayName', {}, '/Groups')).toEqual(['a', 'b', 'C']);
});

test('sortOrder alone sorts nothing; what is no attribute or order is 400 invalidValue', async () => {
  await using server = await scimServer();
  await server.create({ userName: 'ada' });
  expect((await server.ask('GET', '/Users?sortOrder=descending')).status).toBe(200);
  for (const query of [
    'sortBy=nothing',
    'sortBy=name',
    'sortBy=password',
    'sortBy=emails[x',
    'sortBy=userName&sortOrder=up',
  ]) {
    const { status, body } = await server.ask('GET', `/Users?${query}`);
    expect([query, status, body.scimType]).toEqual([query, 400, 'invalidValue']);
  }
  const config = (await server.ask('GET', '/ServiceProviderConfig')).body;
  expect(config.sort).toEqual({ supported: true });
});

test('whatever the attribute: the order is that of its values, and pages are cut out of it', async () => {
  const person = fc.record(
    { displayName: text, title: text, name: fc.record({ givenName: text }) },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 8 }), async (people) => {
      await using server = await scimServer();
      for (const [at, one] of people.entries()) {
        server.clock.at += 1;
        await server.create({ userName: `u${at}`, ...one });
      }
      for (const sortBy of ['displayName', 'title', 'name.givenName']) {
        const field = fieldFor(user, sortBy, 'compare');
        const everybody = (await server.ask('GET', '/Users')).body.Resources as { userName: string }[];
        const key = (one: object) => sortValue(field, one) as string | undefined;
        const expected = everybody
          .toSorted((a, b) => {
            const [left, right] = [key(a), key(b)];
            if (left === undefined || right === undefined)
              return Number(left === undefined) - Number(right === undefined);
            return compareText(fold(left), fold(right));
          })
          .map(({ userName }) => userName);
        const paged: string[] = [];
        for (let startIndex = 1; startIndex <= people.length; startIndex += 3) {
          paged.push(...(await sorted(server, sortBy, { startIndex: String(startIndex), count: '3' })));
        }
        expect([sortBy, paged]).toEqual([sortBy, expected]);
        expect(await sorted(server, sortBy, { sortOrder: 'descending' })).toEqual(expected.toReversed());
      }
    }),
    { numRuns: 25 },
  );
});
