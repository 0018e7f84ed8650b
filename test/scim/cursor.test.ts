// RFC 9865: pages by cursor, forwards and backwards, stable while people come and go; cursors that nobody can forge.

import { describe, expect, test } from 'vitest';
import { scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;
type Answer = Awaited<ReturnType<Server['ask']>>;

const searchRequest = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const ask = (server: Server, query: Record<string, string>, token?: string) =>
  server.ask('GET', `/Users?${new URLSearchParams(query)}`, undefined, token === undefined ? {} : { token });
const names = ({ body }: Answer): string[] => body.Resources.map(({ userName }: { userName: string }) => userName);
const errorOf = ({ status, body }: Answer) => [status, body.scimType];

/** `user-00` …: even ones have a title, every third one a displayName; the titles run against the names. */
async function crowd(server: Server, count: number) {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    server.clock.at += 1;
    const { id } = await server.create({
      userName: `user-${String(at).padStart(2, '0')}`,
      ...(at % 2 === 0 ? { title: `t${String(count - at).padStart(2, '0')}` } : {}),
      ...(at % 3 === 0 ? { displayName: 'Same' } : {}),
    });
    ids.push(id);
  }
  return ids;
}

/** From the first page to the last. */
async function walk(server: Server, query: Record<string, string>) {
  const pages: string[][] = [];
  const answers: Answer[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; cursor = answers.at(-1)?.body.nextCursor) {
    const answer = await ask(server, { ...query, cursor });
    expect([answer.text, answer.status]).toEqual([answer.text, 200]);
    pages.push(names(answer));
    answers.push(answer);
  }
  return { pages, answers };
}

describe('RFC 9865 §2 walking', () => {
  test.each<[Record<string, string>]>([
    [{}],
    [{ filter: 'userName sw "user"' }],
    [{ filter: 'title pr' }],
    [{ filter: 'not (title pr)' }],
    [{ sortBy: 'userName', sortOrder: 'descending' }],
    [{ sortBy: 'displayName' }],
    [{ sortBy: 'displayName', sortOrder: 'descending' }],
    [{ sortBy: 'title' }],
    [{ sortBy: 'title', sortOrder: 'descending' }],
    [{ sortBy: 'meta.lastModified', filter: 'active eq true' }],
    [{ sortBy: 'id', sortOrder: 'descending' }],
  ])('%j: every one once, in order, and back again', async (query) => {
    await using server = await scimServer();
    await crowd(server, 11);
    const whole = await ask(server, query);
    const { pages, answers } = await walk(server, { ...query, count: '4' });
    expect(pages.flat()).toEqual(names(whole));
    expect(pages.slice(0, -1).every((page) => page.length === 4)).toBe(true);
    for (const [at, { body }] of answers.entries()) {
      expect(body).toMatchObject({ totalResults: whole.body.totalResults, itemsPerPage: pages[at]?.length });
      expect(body).not.toHaveProperty('startIndex');
      // previousCursor MUST NOT be returned with the first page, nextCursor is omitted only from the last.
      expect('previousCursor' in body).toBe(at > 0);
      expect('nextCursor' in body).toBe(at < answers.length - 1);
      // Of unreserved characters alone.
      for (const cursor of [body.previousCursor, body.nextCursor]) expect(cursor ?? '').toMatch(/^[A-Za-z0-9._~-]*$/);
    }
    const back: string[][] = [];
    let cursor = answers.at(-1)?.body.previousCursor;
    while (cursor) {
      const answer = await ask(server, { ...query, count: '4', cursor });
      back.unshift(names(answer));
      expect(answer.body.nextCursor).toBeDefined();
      cursor = answer.body.previousCursor;
    }
    expect(back).toEqual(pages.slice(0, -1));
  });

  test('stable: who is there all the time is seen once, whoever comes and goes', async () => {
    const queries: Record<string, string>[] = [
      {},
      { sortBy: 'userName' },
      { sortBy: 'title' },
      { filter: 'not (title eq "x")' },
    ];
    for (const query of queries) {
      await using server = await scimServer();
      const ids = await crowd(server, 12);
      const first = await ask(server, { ...query, cursor: '', count: '3' });
      const seen = names(first);
      let cursor = first.body.nextCursor;
      for (let page = 0; cursor; page++) {
        // The very one that the cursor stands at goes, and others are added before and behind it.
        const last = seen.at(-1) ?? '';
        const id = ids[Number(last.slice(5))];
        if (id) await server.ask('DELETE', `/Users/${id}`);
        await server.create({ userName: `aaa-${page}`, title: `0${page}` });
        await server.create({ userName: `zzz-${page}` });
        const answer = await ask(server, { ...query, cursor, count: '3' });
        seen.push(...names(answer));
        cursor = answer.body.nextCursor;
      }
      const users = seen.filter((name) => name.startsWith('user-'));
      expect([query, users.length, new Set(users).size]).toEqual([query, 12, 12]);
    }
  });

  test('a page behind which nothing is left leads back', async () => {
    await using server = await scimServer();
    const ids = await crowd(server, 5);
    const first = await ask(server, { cursor: '', count: '3' });
    for (const id of ids.slice(3)) await server.ask('DELETE', `/Users/${id}`);
    const second = await ask(server, { cursor: first.body.nextCursor, count: '3' });
    expect([names(second), second.body.totalResults, second.body.nextCursor]).toEqual([[], 3, undefined]);
    expect(names(await ask(server, { cursor: second.body.previousCursor, count: '3' }))).toEqual(names(first));
  });

  test('empty or bare begins; none at all is paged by index; a cursor decides against an index', async () => {
    await using server = await scimServer();
    await crowd(server, 4);
    const bare = await server.ask('GET', '/Users?cursor&count=3');
    expect([names(bare).length, typeof bare.body.nextCursor]).toEqual([3, 'string']);
    const index = await ask(server, { count: '3' });
    expect(index.body).toMatchObject({ startIndex: 1, itemsPerPage: 3 });
    expect(index.body).not.toHaveProperty('nextCursor');
    expect((await ask(server, { count: '3', cursor: '', startIndex: '4' })).text).not.toContain('startIndex');
    const all = await ask(server, { cursor: '' });
    expect([names(all).length, all.body.nextCursor, all.body.previousCursor]).toEqual([4, undefined, undefined]);
  });

  test('count 0 and below: the total alone; above the maximum: the maximum', async () => {
    await using server = await scimServer();
    await crowd(server, 2);
    for (const count of ['0', '-5']) {
      const { body } = await ask(server, { cursor: '', count });
      expect(body).toEqual({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
        ...{ totalResults: 2, itemsPerPage: 0, Resources: [] },
      });
    }
    expect(names(await ask(server, { cursor: '', count: '100000' }))).toHaveLength(2);
  });

  test('a key too long to be carried is looked up; once its owner is gone the cursor is invalid', async () => {
    for (const sortBy of ['displayName', 'title']) {
      await using server = await scimServer();
      for (const name of ['a', 'b']) {
        await server.create({ userName: name, displayName: name.repeat(3000), title: name.repeat(3000) });
      }
      const first = await ask(server, { cursor: '', count: '1', sortBy });
      const cursor = first.body.nextCursor;
      expect(cursor.length).toBeLessThan(500);
      expect(names(await ask(server, { cursor, count: '1', sortBy }))).toEqual(['b']);
      await server.ask('DELETE', `/Users/${first.body.Resources[0].id}`);
      expect(errorOf(await ask(server, { cursor, count: '1', sortBy }))).toEqual([400, 'invalidCursor']);
    }
  });
});

test('RFC 9865 §3 POST .search, of people and across types', async () => {
  await using server = await scimServer();
  await crowd(server, 3);
  await server.ask('POST', '/Groups', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'G' });
  for (const [path, total] of [
    ['/Users/.search', 3],
    ['/.search', 4],
  ] as const) {
    const search = (cursor: string) =>
      server.ask('POST', path, { schemas: [searchRequest], attributes: ['userName'], cursor, count: 2 });
    const first = await search('');
    expect([first.body.totalResults, first.body.itemsPerPage]).toEqual([total, 2]);
    const second = await search(first.body.nextCursor);
    expect([second.body.Resources.length, second.body.nextCursor]).toEqual([total - 2, undefined]);
    expect((await search(second.body.previousCursor)).body.Resources).toEqual(first.body.Resources);
  }
});

describe('RFC 9865 §2.1 errors', () => {
  test('invalidCursor: forged, changed, of another query, another endpoint, another organisation', async () => {
    await using server = await scimServer();
    await crowd(server, 4);
    const { body } = await ask(server, { cursor: '', count: '2' });
    const cursor: string = body.nextCursor;
    const changed = `${cursor.slice(0, -3)}${cursor.at(-3) === 'A' ? 'B' : 'A'}${cursor.slice(-2)}`;
    for (const wrong of ['x', '....', '1.x.y.z', changed, cursor.slice(1), `${cursor}A`, 'ä', '"', '\u0000']) {
      expect([wrong, ...errorOf(await ask(server, { cursor: wrong, count: '2' }))]).toEqual([
        wrong,
        400,
        'invalidCursor',
      ]);
    }
    const others: Record<string, string>[] = [{ filter: 'userName pr' }, { sortBy: 'userName' }];
    for (const more of others) {
      expect(errorOf(await ask(server, { cursor, count: '2', ...more }))).toEqual([400, 'invalidCursor']);
    }
    expect(errorOf(await server.ask('GET', `/Groups?count=2&cursor=${cursor}`))).toEqual([400, 'invalidCursor']);
    expect(errorOf(await ask(server, { cursor, count: '2' }, server.otherToken))).toEqual([400, 'invalidCursor']);
    expect(names(await ask(server, { cursor, count: '2' }))).toEqual(['user-02', 'user-03']);
  });

  test('invalidCount: no number, or another than at first; left out it is the same', async () => {
    await using server = await scimServer();
    await crowd(server, 4);
    expect(errorOf(await ask(server, { cursor: '', count: 'x' }))).toEqual([400, 'invalidCount']);
    const { body } = await ask(server, { cursor: '', count: '2' });
    expect(errorOf(await ask(server, { cursor: body.nextCursor, count: '3' }))).toEqual([400, 'invalidCount']);
    expect(names(await ask(server, { cursor: body.nextCursor }))).toEqual(['user-02', 'user-03']);
  });

  test('expiredCursor: after cursorTimeout, which ServiceProviderConfig tells', async () => {
    await using server = await scimServer();
    await crowd(server, 3);
    const { pagination } = (await server.ask('GET', '/ServiceProviderConfig')).body;
    expect(pagination).toEqual({
      ...{ cursor: true, index: true, defaultPaginationMethod: 'index' },
      ...{ defaultPageSize: 100, maxPageSize: 1000, cursorTimeout: 3600 },
    });
    const { body } = await ask(server, { cursor: '', count: '2' });
    server.clock.at += pagination.cursorTimeout * 1000;
    expect((await ask(server, { cursor: body.nextCursor, count: '2' })).status).toBe(200);
    server.clock.at += 1;
    expect(errorOf(await ask(server, { cursor: body.nextCursor, count: '2' }))).toEqual([400, 'expiredCursor']);
  });
});
