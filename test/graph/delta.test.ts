// GET /users/delta: everybody, then whatever changed, and nothing twice or never.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { base, type Reading, reading } from './reading.ts';

let server: Reading;
beforeEach(async () => {
  server = await reading();
});
afterEach(() => server[Symbol.asyncDispose]());

interface Row {
  readonly id: string;
  readonly displayName?: string;
  readonly '@removed'?: { readonly reason: string };
}

/** Follows the links to the end. */
async function round(
  link: string,
  headers: Record<string, string> = {},
): Promise<{ rows: Row[]; pages: number; delta: string }> {
  const rows: Row[] = [];
  for (let pages = 1; ; pages++) {
    const { status, body } = await server.get(link, { headers });
    if (status !== 200) throw new Error(`${status} ${body.error.message}`);
    rows.push(...body.value);
    const delta: string | undefined = body['@odata.deltaLink'];
    if (delta !== undefined) {
      expect(body).not.toHaveProperty('@odata.nextLink');
      return { rows, pages, delta };
    }
    link = body['@odata.nextLink'];
  }
}

const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => id);

test('everybody page by page, then nothing, then each change once', async () => {
  const people: string[] = [];
  for (let n = 0; n < 5; n++)
    people.push(await server.add({ userName: `u${n}@contoso.example`, displayName: `U ${n}` }));
  const first = await server.get('/users/delta?$top=2');
  expect(first.body['@odata.context']).toBe(`${base}/$metadata#users`);
  expect(first.body['@odata.nextLink']).toMatch(/^https:\/\/connector\.example\/v1\.0\/users\/delta\?\$skiptoken=/);
  const all = await round('/users/delta()?$top=2');
  expect([idsOf(all.rows), all.pages]).toEqual([[...people, server.caller], 4]);
  expect(all.delta).toMatch(/^https:\/\/connector\.example\/v1\.0\/users\/delta\?\$deltatoken=/);
  expect((await round(all.delta)).rows).toEqual([]);

  const [one = '', two = '', three = ''] = people;
  await server.change(one, (content) => ({ ...content, displayName: 'Renamed' }));
  await server.change(one, (content) => ({ ...content, title: 'Boss' }));
  await server.remove(two);
  await server.password(three);
  const added = await server.add({ userName: 'new@contoso.example' });
  const changes = await round(all.delta);
  expect(changes.rows).toMatchObject([
    { id: one, displayName: 'Renamed', jobTitle: 'Boss' },
    { id: two, '@removed': { reason: 'deleted' } },
    { id: added, userPrincipalName: 'new@contoso.example' },
  ]);
  expect(changes.rows[1]).toEqual({ id: two, '@removed': { reason: 'deleted' } });
  expect((await round(changes.delta)).rows).toEqual([]);
  // An older link still tells what came after it.
  expect(idsOf((await round(all.delta)).rows)).toEqual([one, two, added]);
});

test('what changes while the pages are read is told afterwards', async () => {
  const people: string[] = [];
  for (let n = 0; n < 3; n++) people.push(await server.add({ userName: `u${n}@contoso.example` }));
  const first = await server.get('/users/delta?$top=2');
  await server.change(people[0] as string, (content) => ({ ...content, displayName: 'Changed' }));
  await server.remove(people[2] as string);
  const rest = await round(first.body['@odata.nextLink']);
  const { rows } = await round(rest.delta);
  expect(rows).toMatchObject([{ displayName: 'Changed' }, { '@removed': {} }]);
});

test('$select: the id always, and only changes of what is selected', async () => {
  const ada = await server.add({ userName: 'ada@contoso.example', displayName: 'Ada' });
  const all = await round('/users/delta?$select=displayName,lastPasswordChangeDateTime');
  expect(all.rows[0]).toEqual({ displayName: 'Ada', lastPasswordChangeDateTime: null, id: ada });
  await server.change(ada, (content) => ({ ...content, title: 'Analyst' }));
  const untouched = await round(all.delta);
  expect(untouched.rows).toEqual([]);
  await server.password(ada);
  const changed = await round(untouched.delta);
  expect(changed.rows).toEqual([
    { displayName: 'Ada', lastPasswordChangeDateTime: new Date(server.clock.at).toISOString(), id: ada },
  ]);
  await server.change(ada, (content) => ({ ...content, name: { givenName: 'A' } }));
  const minimal = await round(changed.delta, { prefer: 'return=minimal' });
  // The shown name may come of the others.
  expect(minimal.rows).toEqual([{ displayName: 'Ada', id: ada }]);
  const { headers } = await server.get(changed.delta, { headers: { prefer: 'return=minimal' } });
  expect(headers.get('preference-applied')).toBe('return=minimal');
});

test('a filter by ids', async () => {
  const ada = await server.add({ userName: 'ada@contoso.example' });
  const bob = await server.add({ userName: 'bob@contoso.example' });
  const all = await round(`/users/delta?$filter=id eq '${ada}' or id eq '${server.caller}'`);
  expect(idsOf(all.rows)).toEqual([ada, server.caller]);
  await server.change(bob, (content) => ({ ...content, title: 'x' }));
  await server.change(ada, (content) => ({ ...content, title: 'x' }));
  expect(idsOf((await round(all.delta)).rows)).toEqual([ada]);
  for (const filter of ["displayName eq 'x'", `id ne '${ada}'`, Array(51).fill(`id eq 'a'`).join(' or ')]) {
    expect((await server.refusal(`/users/delta?$filter=${filter}`)).slice(0, 2)).toEqual([
      400,
      'Request_UnsupportedQuery',
    ]);
  }
});

test('$deltatoken=latest begins now; an empty one begins anew', async () => {
  const ada = await server.add({ userName: 'ada@contoso.example' });
  const latest = await server.get('/users/delta?$deltatoken=latest&$select=displayName');
  expect(latest.body.value).toEqual([]);
  await server.change(ada, (content) => ({ ...content, displayName: 'Ada' }));
  expect((await round(latest.body['@odata.deltaLink'])).rows).toEqual([{ displayName: 'Ada', id: ada }]);
  expect((await round('/users/delta?$deltatoken=')).rows).toHaveLength(2);
});

test('an expired, foreign or made-up token is 410, and says where to begin again', async () => {
  const { delta } = await round('/users/delta');
  const gone = async (link: string, as = {}) => {
    const answer = await server.get(link, as);
    return [answer.status, answer.body.error?.code, answer.headers.get('location')];
  };
  const anew = [410, 'resyncRequired', `${base}/users/delta?$deltatoken=`];
  expect(await gone(delta, { tenant: 1 })).toEqual(anew);
  expect(await gone('/users/delta?$deltatoken=X')).toEqual(anew);
  expect(await gone('/users/delta?$skiptoken=1.2.3.4')).toEqual(anew);
  // A token of a list is none of these.
  await server.add({ userName: 'a' });
  const list = (await server.get('/users?$top=1')).body['@odata.nextLink'];
  expect(await gone(list.replace('/users?', '/users/delta?').replace('$top=1&', ''))).toEqual(anew);
  server.clock.at += 7 * 24 * 3_600_000;
  expect((await server.get(delta)).status).toBe(200);
  server.clock.at += 1;
  expect(await gone(delta)).toEqual(anew);
});

test('a long record is gone through in pages', async () => {
  const ada = await server.add({ userName: 'ada@contoso.example' });
  const { delta } = await round('/users/delta');
  for (let n = 0; n < 1100; n++) await server.change(ada, (content) => ({ ...content, title: `${n}` }));
  const { rows, pages } = await round(delta);
  expect(pages).toBe(2);
  expect(rows).toMatchObject([
    { id: ada, jobTitle: '1099' },
    { id: ada, jobTitle: '1099' },
  ]);
});

test('User.ReadBasic.All hears of the basic profile alone', async () => {
  const ada = await server.add({ userName: 'ada@contoso.example', title: 'x' });
  const { body } = await server.get('/users/delta?$select=displayName,jobTitle', { scopes: ['User.ReadBasic.All'] });
  expect(body.value[0]).toEqual({ displayName: 'ada@contoso.example', id: ada });
});

test('what a delta query has not is refused', async () => {
  for (const query of ['$orderby=displayName', '$search="displayName:a"', '$expand=manager', '$count=true']) {
    expect((await server.refusal(`/users/delta?${query}`)).slice(0, 2)).toEqual([400, 'Request_UnsupportedQuery']);
  }
});
