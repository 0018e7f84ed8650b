// People in SQL: what is derived from a resource, what a change touches, and that a unit of work is whole or nothing.

import { describe, expect, test } from 'vitest';
import { parseFilter } from '../../connector/filter/scim.ts';
import { fieldOf } from '../../connector/scim/attribute.ts';
import { user as type } from '../../connector/scim/user.ts';
import { readUser } from '../../connector/scim/users.ts';
import { sealOnce } from '../../connector/sealer.ts';
import type { Sql, Statement, Value, Work } from '../../connector/sql/sql.ts';
import { setPassword } from '../../connector/store/credentials.ts';
import { lost } from '../../connector/store/page.ts';
import { queries } from '../../connector/store/query.ts';
import { assignRole, removeRole, rolesOf } from '../../connector/store/roles.ts';
import { userSource } from '../../connector/store/source.ts';
import { coreUser, shownName, type UserContent } from '../../connector/store/user-resource.ts';
import { searchUsers } from '../../connector/store/user-search.ts';
import { contentOf, createUser, deleteUser, updateUser, userById, userByName } from '../../connector/store/users.ts';
import { uuidv7 } from '../../connector/store/uuid.ts';
import { people } from '../people.ts';
import { planOf } from '../postgres/engine.ts';
import { openStore, start } from '../scim/scim-server.ts';

const by = (at = start) => ({ at, actor: 'token:t' });
const user = (given: object): UserContent => readUser({ schemas: [coreUser], ...given });
const create = (sql: Sql, id: string, given: object, at = start, tenant = 'default') =>
  sql.run((tx) => createUser(tx, tenant, id, user(given), by(at)));
const change = (sql: Sql, id: string, given: object, at: number) =>
  sql.run((tx) => updateUser(tx, 'default', id, (content) => user({ ...content, ...given }), by(at)));
/** A statement put together here. */
const query = <R>(sql: Sql, text: string, values: readonly Value[] = []) =>
  sql.run(function* (tx) {
    return yield* tx.query<R>(text, values);
  });
const addresses = (sql: Sql, id: string) =>
  sql.all<{ key: string; kind: string; at: number }>`select address_key as key, kind, changed_at as at from user_address
    where tenant = 'default' and user_id = ${id} order by kind, address_key`;

describe('addresses on file', () => {
  test('a row per address and kind; one that stays keeps its time, one that comes has a new one', async () => {
    const sql = await openStore();
    const work = { value: 'Ada@Contoso.example', type: 'Work' };
    await create(sql, 'a', {
      userName: 'Ada@contoso.example',
      emails: [work, { value: 'ada@mail.example', type: 'home' }, { value: 'x@y.example' }],
    });
    expect(await addresses(sql, 'a')).toEqual([
      { key: 'x@y.example', kind: '', at: start },
      { key: 'ada@mail.example', kind: 'home', at: start },
      { key: 'ada@contoso.example', kind: 'userName', at: start },
      { key: 'ada@contoso.example', kind: 'work', at: start },
    ]);
    await change(sql, 'a', { emails: [work, { value: 'ada@new.example', type: 'home' }] }, start + 5000);
    expect(await addresses(sql, 'a')).toEqual([
      { key: 'ada@new.example', kind: 'home', at: start + 5000 },
      { key: 'ada@contoso.example', kind: 'userName', at: start },
      { key: 'ada@contoso.example', kind: 'work', at: start },
    ]);
    await sql.close();
  });

  test('an email that calls itself userName is not mistaken for one', async () => {
    const sql = await openStore();
    await create(sql, 'a', { userName: 'ada', emails: [{ value: 'eve', type: 'userName' }] });
    expect((await addresses(sql, 'a')).map(({ kind }) => kind)).toEqual(['userName', 'username']);
    expect(await userByName(sql, 'default', 'eve')).toBeUndefined();
    await sql.close();
  });
});

describe('blocking and removing', () => {
  async function signedIn() {
    const sql = await openStore();
    await create(sql, 'a', { userName: 'ada', emails: [{ value: 'a@b.example' }] });
    await sql.run(function* (tx) {
      yield* assignRole(tx, 'default', 'a', 'role-1', by());
      yield* setPassword(tx, {
        tenant: 'default',
        userId: 'a',
        hash: 'h',
        forceChange: false,
        changedBy: 'operator',
        at: start,
      });
      yield* tx.run`insert into oidc_model (tenant, kind, id, account, payload) values ('default', 'RefreshToken', 'r', 'a', '{}')`;
      yield* tx.run`insert into job (tenant, kind, ref, subject, due_at, attempts, epoch, leased_until)
        values ('default', 'reset', 'x', 'a', ${start + 900_000}, 0, 0, 0)`;
    });
    const count = async (table: string, column: string) => {
      const text = `select count(*) as n from ${table} where tenant = 'default' and ${column} = 'a'`;
      return (await query<{ n: number }>(sql, text))[0]?.n;
    };
    return { sql, count };
  }
  const due = (sql: Sql) => sql.get<{ at: number }>`select due_at as at from job where subject = 'a'`;

  test('active: false ends sessions and wakes the reset that waits; another change does neither', async () => {
    const { sql, count } = await signedIn();
    await change(sql, 'a', { title: 'x' }, start + 1);
    expect([await count('oidc_model', 'account'), (await due(sql))?.at]).toEqual([1, start + 900_000]);
    await change(sql, 'a', { active: false }, start + 2);
    expect([await count('oidc_model', 'account'), (await due(sql))?.at]).toEqual([0, start + 2]);
    expect(await count('credential', 'user_id')).toBe(1);
    await sql.close();
  });

  test('a removed person leaves no row but the record, in the one organisation only', async () => {
    const { sql, count } = await signedIn();
    await create(sql, 'a', { userName: 'ada' }, start, 'fabrikam');
    await sql.run((tx) => deleteUser(tx, 'default', 'a', by(start + 1)));
    for (const table of ['user_address', 'user_word', 'credential']) {
      expect([table, await count(table, 'user_id')]).toEqual([table, 0]);
    }
    expect(await count('role_assignment', 'principal_id')).toBe(0);
    expect(await count('oidc_model', 'account')).toBe(0);
    expect((await due(sql))?.at).toBe(start + 1);
    expect(await userById(sql, 'fabrikam', 'a')).toBeDefined();
    await expect(sql.run((tx) => deleteUser(tx, 'default', 'a', by()))).rejects.toMatchObject({ code: 'notFound' });
    await sealOnce(sql, start);
    const rows = await sql.all<{ action: string }>`select action from audit where tenant = 'default' order by seq`;
    expect(rows.map(({ action }) => action)).toEqual([
      'user.created',
      'role.assigned',
      'password.changed',
      'user.deleted',
    ]);
    await sql.close();
  });
});

test('the record tells which attributes changed, never what they hold', async () => {
  const sql = await openStore();
  await create(sql, 'a', { userName: 'ada', title: 'secret title' });
  await change(
    sql,
    'a',
    { title: 'other title', emails: [{ value: 'private@mail.example', type: 'home' }] },
    start + 1,
  );
  await sealOnce(sql, start);
  const rows = await sql.all<{ detail: string }>`select detail from audit order by seq`;
  expect(JSON.parse(rows[1]?.detail ?? '')).toEqual({ attributes: 'title emails' });
  expect(JSON.stringify(rows)).not.toMatch(/title"|secret|private/);
  await sql.close();
});

test('stopped at any statement, a create, a change and a removal have happened whole or not at all', async () => {
  const works = {
    create: (sql: Sql) =>
      create(sql, 'b', { userName: 'bob', displayName: 'Bob Li', emails: [{ value: 'b@c.example' }] }),
    change: (sql: Sql) => change(sql, 'a', { userName: 'eve', displayName: 'Eve', active: false }, start + 1),
    remove: (sql: Sql) => sql.run((tx) => deleteUser(tx, 'default', 'a', by(start + 1))),
  };
  const tables = ['app_user', 'user_address', 'user_word', 'audit', 'credential'];
  const dump = async (sql: Sql) =>
    JSON.stringify(await Promise.all(tables.map((table) => query(sql, `select * from ${table} order by 1, 2, 3`))));
  for (const [name, work] of Object.entries(works)) {
    for (let stopAt = 1; ; stopAt++) {
      let left = Number.POSITIVE_INFINITY;
      const sql = await openStore({
        beforeStatement: () => {
          if (--left === 0) throw new Error('stopped');
        },
      });
      await create(sql, 'a', { userName: 'ada', displayName: 'Ada', emails: [{ value: 'a@b.example' }] });
      const before = await dump(sql);
      left = stopAt;
      const outcome = await work(sql).then(
        () => 'done',
        () => 'stopped',
      );
      left = Number.POSITIVE_INFINITY;
      if (outcome === 'stopped') expect([name, stopAt, await dump(sql)]).toEqual([name, stopAt, before]);
      else expect(await dump(sql)).not.toBe(before);
      await sql.close();
      if (outcome === 'done') {
        expect(stopAt).toBeGreaterThan(4);
        break;
      }
    }
  }
});

test('a rename to a taken userName is refused, to another case of one’s own is not', async () => {
  const sql = await openStore();
  await create(sql, 'a', { userName: 'ada' });
  await create(sql, 'b', { userName: 'bob' });
  await expect(change(sql, 'b', { userName: 'ADA' }, start + 1)).rejects.toMatchObject({ code: 'uniqueness' });
  expect(contentOf(await change(sql, 'b', { userName: 'BOB' }, start + 1)).userName).toBe('BOB');
  await sql.close();
});

test('the shown name is the best there is', () => {
  const name = (given: object) => shownName(user({ userName: 'ada@b.example', ...given }));
  expect(name({})).toBe('ada@b.example');
  expect(name({ name: { givenName: 'Ada' } })).toBe('Ada');
  expect(name({ name: { givenName: 'Ada', familyName: 'King' } })).toBe('Ada King');
  expect(name({ name: { formatted: 'Countess Ada', givenName: 'Ada' } })).toBe('Countess Ada');
  expect(name({ displayName: 'Ada K.', name: { formatted: 'x' } })).toBe('Ada K.');
});

describe('search', () => {
  async function contosoStore() {
    const sql = await openStore();
    for (const [at, person] of people.entries()) await create(sql, `id-${String(at).padStart(2, '0')}`, person);
    const search = async (text: string, tenant = 'default') =>
      (await sql.run((tx) => searchUsers(tx, tenant, text))).map((found) => shownName(contentOf(found)));
    return { sql, search };
  }

  test.each([
    ['ada', ['Ada Yılmaz']],
    ['YILMAZ ADA', ['Ada Yılmaz']],
    ['yıl', ['Ada Yılmaz']],
    ['ipek', ['İpek Işık']],
    ['İPEK IŞIK', ['İpek Işık']],
    ["o'brien", ["Nora O'Brien"]],
    ["nora.o'b", ["Nora O'Brien"]],
    ['jean-luc', ["Jean-Luc d'Aubigné"]],
    ['aubigne', ["Jean-Luc d'Aubigné"]],
    ['thordis', ['Þórdís Jónsdóttir']],
    ['minh ng', ['Nguyễn Thị Minh']],
    ['ليلى', ['ليلى حداد']],
    ['παπαδ', ['Νίκος Παπαδόπουλος']],
    ['maria silva', ['Maria Silva', 'Maria Silva']],
    ['maria.silva2@', ['Maria Silva']],
    ['MARIA.SILVA2@MAIL.EXAMPLE', ['Maria Silva']],
    ['id-00', ['Gwen Okafor']],
    ['ada okafor', []],
    ['ilmaz', []],
    ['', []],
    [' % ', []],
    ['_', []],
    ["' or 1=1 --", []],
  ])('%s', async (text, expected) => {
    const { sql, search } = await contosoStore();
    const found = await search(text);
    expect(found.sort()).toEqual([...expected].sort());
    expect(await search(text, 'fabrikam')).toEqual([]);
    await sql.close();
  });

  test('a whole address stands first, twenty at most, in the order of names', async () => {
    const sql = await openStore();
    for (let number = 0; number < 30; number++) {
      const local = `smith${String(number).padStart(2, '0')}`;
      await create(sql, local, {
        userName: `${local}@c.example`,
        displayName: `Smith ${String.fromCharCode(122 - (number % 26))}${number}`,
      });
    }
    await create(sql, 'exact', { userName: 'smith', displayName: 'Zz' });
    const found = await sql.run((tx) => searchUsers(tx, 'default', 'SMITH'));
    expect(found).toHaveLength(20);
    const names = found.map((one) => shownName(contentOf(one)));
    expect(names[0]).toBe('Zz');
    expect(names.slice(1)).toEqual([...names.slice(1)].sort());
    await sql.close();
  });

  test('a new name finds, the old one no longer does', async () => {
    const sql = await openStore();
    await create(sql, 'a', { userName: 'x1', displayName: 'Ada Byron' });
    await change(sql, 'a', { displayName: 'Ada Lovelace' }, start + 1);
    const count = async (text: string) => (await sql.run((tx) => searchUsers(tx, 'default', text))).length;
    expect([await count('byron'), await count('lovel'), await count('ada')]).toEqual([0, 1, 1]);
    await sql.close();
  });
});

test('roles are given and taken once, to people who exist', async () => {
  const sql = await openStore();
  await create(sql, 'a', { userName: 'ada' });
  const give = () => sql.run((tx) => assignRole(tx, 'default', 'a', 'r1', by()));
  const take = () => sql.run((tx) => removeRole(tx, 'default', 'a', 'r1', by()));
  expect([await give(), await give(), await rolesOf(sql, 'default', 'a'), await rolesOf(sql, 'fabrikam', 'a')]).toEqual(
    [true, false, ['r1'], []],
  );
  expect([await take(), await take(), await rolesOf(sql, 'default', 'a')]).toEqual([true, false, []]);
  await expect(sql.run((tx) => assignRole(tx, 'default', 'nobody', 'r1', by()))).rejects.toMatchObject({
    code: 'notFound',
  });
  await sql.close();
});

test('look-ups go through indexes, also under a filter', async () => {
  // Neither a table from end to end, nor all rows of an organisation.
  const walks = /SCAN (?!CONSTANT)|\(tenant=\?\)/;
  const asked: Statement[] = [];
  const watched = await openStore({ beforeStatement: (statement) => void asked.push(statement) });
  const sql = await openStore();
  const plans = () =>
    Promise.all(asked.map(async ({ text, values }) => JSON.stringify(await planOf(sql, text, values))));
  for (const filter of [
    'userName eq "a"',
    'externalId eq "a"',
    'id eq "a"',
    'emails.value eq "a"',
    'emails[type eq "work" and value eq "a"]',
    'userName sw "a"',
    'displayName eq "a"',
    'userName eq "a" and active eq true',
  ]) {
    const tree = parseFilter(filter, (path, use, parent) => fieldOf(type, path, use, parent));
    asked.length = 0;
    const parts = [{ source: userSource, filter: tree, open: () => lost() }];
    const nothing = function* (): Work<void> {};
    await queries(watched).page({ tenant: 'default', parts, name: filter }, { index: 0 }, 10, nothing);
    expect(asked.length).toBeGreaterThan(0);
    for (const plan of await plans()) expect([filter, plan]).toEqual([filter, expect.not.stringMatching(walks)]);
  }
  asked.length = 0;
  await watched.run((tx) => searchUsers(tx, 'default', 'ada lovelace'));
  expect(asked).toHaveLength(2);
  for (const plan of await plans()) expect(plan).not.toMatch(walks);
  await watched.close();
  await sql.close();
});

test('RFC 9562 §5.7: a UUID of version 7 sorts by its time', () => {
  const ids = [0, 1, start, start + 1].map((at) => uuidv7(at, new Uint8Array(10).fill(255)));
  expect(ids).toEqual([...ids].sort());
  // The example of RFC 9562 §A.6.
  const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
  expect(uuidv7(1645557742000, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  expect(() => uuidv7(start, new Uint8Array(9))).toThrow(RangeError);
});

test('a row that is there already stops nobody from being changed', async () => {
  const sql = await openStore();
  await create(sql, 'a', { userName: 'ada' });
  await sql.run(function* (tx) {
    yield* tx.run`insert into user_word (tenant, word, user_id) values ('default', 'lovelace', 'a')`;
  });
  await change(sql, 'a', { displayName: 'Ada Lovelace' }, start + 1);
  await sql.run((tx) => deleteUser(tx, 'default', 'a', by(start + 2)));
  expect(await sql.all`select word from user_word`).toEqual([]);
  await sql.close();
});
