// Queries as a client asks them (RFC 7644 §3.4.2): filters over every attribute, pages by index at any depth, totals that
// are true at every moment.

import { describe, expect, test } from 'vitest';
import { core, enterprise, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;
type Named = { userName?: string; displayName?: string; id: string };

const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const searchRequest = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const listResponse = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

const get = (server: Server, path: string, query: Record<string, string>) =>
  server.ask('GET', `${path}?${new URLSearchParams(query)}`);
async function found(server: Server, filter: string, path = '/Users'): Promise<string[]> {
  const { status, body, text } = await get(server, path, { filter });
  if (status !== 200) throw new Error(`${filter}: ${text}`);
  expect([filter, body.totalResults, body.itemsPerPage]).toEqual([filter, ...Array(2).fill(body.Resources.length)]);
  return body.Resources.map((one: Named) => one.userName ?? one.displayName).sort();
}
const group = async (server: Server, displayName: string, ...members: string[]) =>
  (
    await server.ask('POST', '/Groups', {
      ...{ schemas: [coreGroup], displayName },
      members: members.map((value) => ({ value })),
    })
  ).body.id as string;

async function people(server: Server) {
  const boss = await server.create({
    ...{ userName: 'boss', title: 'Chief', active: false, externalId: 'E1' },
    name: { familyName: 'Yılmaz', givenName: 'Ada' },
    emails: [{ value: 'Boss@Example.com', type: 'work', primary: true }],
  });
  const nurse = await server.create({
    ...{ userName: 'nurse', title: 'Nurse 100%', displayName: 'Nora', externalId: 'e1' },
    emails: [
      { value: 'nurse@example.com', type: 'work' },
      { value: 'nora@post.example', type: 'home', primary: true },
    ],
    roles: [{ value: 'r1', primary: true }],
    [enterprise]: { department: 'Ward', manager: { value: boss.id } },
  });
  const plain = await server.create({ userName: 'plain' });
  return { boss: boss.id, nurse: nurse.id, plain: plain.id };
}

describe('RFC 7644 §3.4.2.2 filters', () => {
  test('every attribute, with its own rules', async () => {
    await using server = await scimServer();
    const ids = await people(server);
    const outer = await group(server, 'Outer', await group(server, 'Inner', ids.nurse));
    for (const [filter, expected] of [
      ['title eq "nurse 100%"', ['nurse']],
      ['title co "0%"', ['nurse']],
      ['title co "_"', []],
      ['title pr', ['boss', 'nurse']],
      ['not (title pr)', ['plain']],
      ['title ne "Chief"', ['nurse', 'plain']],
      ['title eq null', ['plain']],
      ['title ne null', ['boss', 'nurse']],
      ['name.familyName sw "yıl"', ['boss']],
      ['name.familyName gt "A"', ['boss']],
      ['name[givenName eq "ADA"]', ['boss']],
      // RFC 7643 §3.1: externalId is case exact.
      ['externalId eq "E1"', ['boss']],
      ['externalId sw "e"', ['nurse']],
      ['active eq true', ['nurse', 'plain']],
      ['active eq "False"', ['boss']],
      ['emails co "example.com"', ['boss', 'nurse']],
      ['emails.type eq "home"', ['nurse']],
      ['emails[type eq "work" and value co "@post"]', []],
      ['emails[primary eq true and value ew "@post.example"]', ['nurse']],
      ['emails[type eq "work"].value eq "boss@example.com"', ['boss']],
      ['emails[not (type eq "home")]', ['boss', 'nurse']],
      ['roles[primary eq "True"]', ['nurse']],
      [`${enterprise}:department eq "ward"`, ['nurse']],
      [`${enterprise.toUpperCase()}:DEPARTMENT eq "ward"`, ['nurse']],
      [`${core}:userName eq "NURSE"`, ['nurse']],
      [`${enterprise}:manager.value eq "${ids.boss}"`, ['nurse']],
      [`schemas eq "${enterprise}"`, ['nurse']],
      ['meta.resourceType eq "User"', ['boss', 'nurse', 'plain']],
      [`meta.location ew "/Users/${ids.boss}"`, ['boss']],
      ['meta.version eq "W/\\"1\\""', ['boss', 'nurse', 'plain']],
      ['meta.created ge "2026-11-22T10:00:00+01:00"', ['boss', 'nurse', 'plain']],
      ['meta.lastModified gt "2026-11-22T09:00:00Z"', []],
      [`groups.value eq "${outer}"`, ['nurse']],
      ['groups[display eq "outer" and type eq "indirect"]', ['nurse']],
      ['groups pr', ['nurse']],
      ['title eq "Chief" or userName eq "plain" and active eq true', ['boss', 'plain']],
      ['(title eq "Chief" or userName eq "plain") and active eq true', ['plain']],
    ] as const) {
      expect([filter, await found(server, filter)]).toEqual([filter, expected]);
    }
  });

  test('groups: members by id, with their other attributes, names of all kinds', async () => {
    await using server = await scimServer();
    const { boss, nurse } = await people(server);
    const inner = await group(server, 'Inner', boss);
    await group(server, 'Outer', nurse, inner);
    await group(server, 'Empty');
    for (const [filter, expected] of [
      ['displayName eq "INNER"', ['Inner']],
      [`members eq "${boss}"`, ['Inner']],
      [`members.value eq "${nurse}"`, ['Outer']],
      [`members[value eq "${inner}"]`, ['Outer']],
      [`members[value eq "${nurse}" and type eq "Group"]`, []],
      ['members.type eq "group"', ['Outer']],
      ['members.display eq "nora"', ['Outer']],
      ['not (members pr)', ['Empty']],
      [`displayName sw "o" and members eq "${nurse}"`, ['Outer']],
    ] as const) {
      expect([filter, await found(server, filter, '/Groups')]).toEqual([filter, expected]);
    }
  });

  test('Entra’s reference checks: id and members, id and manager', async () => {
    await using server = await scimServer();
    const { boss, nurse } = await people(server);
    const id = await group(server, 'Group', nurse);
    const ask = async (path: string, filter: string) => (await get(server, path, { filter, attributes: 'id' })).body;
    expect(await ask('/Groups', `id eq "${id}" and members eq "${nurse}"`)).toMatchObject({ Resources: [{ id }] });
    expect(await ask('/Groups', `id eq "${id}" and members eq "${boss}"`)).toMatchObject({ totalResults: 0 });
    expect(await ask('/Users', `id eq "${nurse}" and manager eq "${boss}"`)).toMatchObject({ totalResults: 1 });
    expect(await ask('/Users', `id eq "${boss}" and manager eq "${boss}"`)).toMatchObject({ totalResults: 0 });
  });

  test('a filter finds what has just been written', async () => {
    await using server = await scimServer();
    const { plain } = await people(server);
    for (const title of ['One', 'Two']) {
      await server.patch(plain, { op: 'replace', path: 'title', value: title });
      expect(await found(server, `title eq "${title}"`)).toEqual(['plain']);
    }
    expect(await found(server, 'title eq "One"')).toEqual([]);
    await server.ask('DELETE', `/Users/${plain}`);
    expect(await found(server, 'title eq "Two"')).toEqual([]);
  });

  test.each([
    ['title', 5],
    ['title regex "a"', 6],
    ['title eq Nurse', 9],
    ['active gt true', 7],
    ['x509Certificates.value gt "a"', 23],
    ['active co "t"', 7],
    ['title eq 5', 9],
    ['meta.created gt "yesterday"', 16],
    ['meta.created co "2026"', 13],
    ['nothing eq "a"', 0],
    ['name eq "a"', 0],
    ['password eq "a"', 0],
    ['emails[type eq "work"', 21],
    ['emails[nothing pr]', 7],
    ['title pr and', 12],
    ['urn:x:y:title eq "a"', 0],
  ])('%j is refused at %d', async (filter, position) => {
    await using server = await scimServer();
    const { status, body } = await get(server, '/Users', { filter });
    expect([status, body.scimType]).toEqual([400, 'invalidFilter']);
    expect(body.detail).toContain(`position ${position}.`);
  });
});

describe('RFC 7644 §3.4.2.4 pages by index', () => {
  const names = (body: { Resources: Named[] }) => body.Resources.map(({ userName }) => userName);
  async function crowd(server: Server, count: number) {
    for (let at = 0; at < count; at++) {
      server.clock.at += 1;
      const title = at % 2 === 0 ? { title: 'even' } : {};
      await server.create({ userName: `user-${String(at).padStart(2, '0')}`, ...title });
    }
  }

  test.each<[Record<string, string>, number, number]>([
    [{ startIndex: '1', count: '10' }, 0, 10],
    [{ startIndex: '11', count: '10' }, 10, 20],
    [{ startIndex: '21', count: '10' }, 20, 25],
    [{ startIndex: '25', count: '1' }, 24, 25],
    [{ startIndex: '26', count: '10' }, 25, 25],
    [{ startIndex: '0', count: '3' }, 0, 3],
    [{ startIndex: '-7', count: '3' }, 0, 3],
    [{ count: '0' }, 0, 0],
    [{ count: '-1' }, 0, 0],
    [{ count: '100000' }, 0, 25],
    [{}, 0, 25],
  ])('%j', async (query, from, to) => {
    await using server = await scimServer();
    await crowd(server, 25);
    const others: Record<string, string>[] = [
      {},
      { sortBy: 'userName' },
      { filter: 'userName pr' },
      { filter: 'userName pr and not (title eq "x")' },
    ];
    for (const more of others) {
      const { body } = await get(server, '/Users', { ...query, ...more });
      const startIndex = Math.max(1, Number(query.startIndex ?? 1));
      expect(body).toMatchObject({ schemas: [listResponse], totalResults: 25, startIndex, itemsPerPage: to - from });
      expect(names(body)).toEqual(
        Array.from({ length: to - from }, (_, at) => `user-${String(from + at).padStart(2, '0')}`),
      );
    }
  });

  test('pages stay true while people come and go, in any order of asking', async () => {
    await using server = await scimServer();
    await crowd(server, 12);
    let everybody = (await server.ask('GET', '/Users')).body.Resources as Named[];
    const check = async () => {
      for (const startIndex of [9, 3, 5, 1, 11, 7, 4]) {
        for (const [query, all] of [
          [{}, everybody],
          [{ filter: 'title eq "even"' }, everybody.filter((one) => 'title' in one)],
          [{ sortBy: 'userName', sortOrder: 'descending' }, everybody.toReversed()],
        ] as const) {
          const { body } = await get(server, '/Users', { ...query, startIndex: String(startIndex), count: '2' });
          expect([body.totalResults, names(body)]).toEqual([
            all.length,
            all.slice(startIndex - 1, startIndex + 1).map(({ userName }) => userName),
          ]);
        }
      }
    };
    await check();
    for (const at of [0, 4, 9]) {
      await server.ask('DELETE', `/Users/${everybody[at]?.id}`);
      everybody = everybody.toSpliced(at, 1);
      await check();
    }
    server.clock.at += 1;
    everybody.push(await server.create({ userName: 'user-99', title: 'even' }));
    await check();
  });

  test.each([['startIndex'], ['count']])('a %s that is no number is 400 invalidValue', async (name) => {
    await using server = await scimServer();
    for (const value of ['x', '1.5', '', '1e3', '99999999999999999999']) {
      const { status, body } = await get(server, '/Users', { [name]: value });
      expect([value, status, body.scimType]).toEqual([value, 400, 'invalidValue']);
    }
  });
});

describe('RFC 7644 §3.4.3 .search', () => {
  test('the same parameters in a body, of people and of groups', async () => {
    await using server = await scimServer();
    const { nurse } = await people(server);
    await group(server, 'Group', nurse);
    const search = (path: string, body: object) =>
      server.ask('POST', `${path}/.search`, { schemas: [searchRequest], ...body });
    const answer = await search('/Users', {
      ...{ filter: 'title pr', sortBy: 'userName', sortOrder: 'descending', startIndex: 1, count: 1 },
      attributes: ['userName', 'emails.value', `${enterprise}:department`],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ totalResults: 2, itemsPerPage: 1, startIndex: 1 });
    expect(answer.body.Resources).toEqual([
      {
        ...{ schemas: [core, enterprise], id: nurse, userName: 'nurse' },
        emails: [{ value: 'nurse@example.com' }, { value: 'nora@post.example' }],
        [enterprise]: { department: 'Ward' },
      },
    ]);
    expect((await search('/Groups', { excludedAttributes: ['members'] })).body.Resources[0]).not.toHaveProperty(
      'members',
    );
    expect((await search('/Groups', { filter: `members eq "${nurse}"` })).body.totalResults).toBe(1);
  });

  test.each<[object, string]>([
    [{ schemas: [] }, 'invalidSyntax'],
    [{ schemas: ['urn:x'] }, 'invalidSyntax'],
    [{ schemas: [searchRequest], filter: 'x' }, 'invalidFilter'],
    [{ schemas: [searchRequest], filter: 5 }, 'invalidValue'],
    [{ schemas: [searchRequest], filter: ['userName pr'] }, 'invalidValue'],
    [{ schemas: [searchRequest], count: 'many' }, 'invalidValue'],
    [{ schemas: [searchRequest], startIndex: 1.5 }, 'invalidValue'],
    [{ schemas: [searchRequest], attributes: [1] }, 'invalidValue'],
    [{ schemas: [searchRequest], sortOrder: 'up' }, 'invalidValue'],
    [{ schemas: [searchRequest], attributes: ['id'], excludedAttributes: ['name'] }, 'invalidValue'],
  ])('%j is 400 %s', async (body, scimType) => {
    await using server = await scimServer();
    const answer = await server.ask('POST', '/Users/.search', body);
    expect([answer.status, answer.body.scimType]).toEqual([400, scimType]);
  });
});
