// What every engine behind the port `Sql` must do, as the store, the jobs and the resets rely on it.

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Problem } from '#shared/problem.ts';
import type { Isolation, Signal, Sql, Tx, Work } from '../../connector/sql/sql.ts';

/** An empty database under test. */
export interface Subject {
  readonly sql: Sql;
  /** Opens the same database once more, as another process would. */
  another(): Promise<Sql>;
  close(): Promise<void>;
}

interface Note {
  id: string;
  n: number | null;
}

function* add(tx: Tx, id: string, n: number | null = 1): Work<number> {
  return yield* tx.run`insert into note (id, n) values (${id}, ${n})`;
}

function* up(tx: Tx, id: string): Work<number> {
  const row = yield* tx.get<Note>`select id, n from note where id = ${id}`;
  yield* tx.run`update note set n = ${(row?.n ?? 0) + 1} where id = ${id}`;
  return (row?.n ?? 0) + 1;
}

const all = (sql: Sql) => sql.all<Note>`select id, n from note order by id`;

/** Runs the contract. `make` gives an empty database for each test. */
export function sqlContract(name: string, make: () => Promise<Subject>): void {
  async function using(work: (sql: Sql, subject: Subject) => Promise<void>) {
    const subject = await make();
    try {
      await subject.sql.run(function* (tx) {
        yield* tx.run`create table note (id text primary key, n bigint)`;
      });
      await work(subject.sql, subject);
    } finally {
      await subject.close();
    }
  }

  describe(`${name}: a unit of work`, () => {
    test('gives its value, and what it has done is seen by everybody from then on', () =>
      using(async (sql, { another }) => {
        const other = await another();
        expect(await sql.run((tx) => add(tx, 'a'))).toBe(1);
        const seen = [
          await sql.get`select id, n from note`,
          await sql.read(function* (tx) {
            return yield* tx.get`select id, n from note`;
          }),
          await other.get`select id, n from note`,
          await other.run(function* (tx) {
            return yield* tx.get`select id, n from note`;
          }),
        ];
        expect(seen).toEqual(Array.from({ length: 4 }, () => ({ id: 'a', n: 1 })));
      }));

    test('sees what it has done itself', () =>
      using(async (sql) => {
        const seen = await sql.run(function* (tx) {
          yield* add(tx, 'a');
          yield* up(tx, 'a');
          return yield* tx.all`select id, n from note`;
        });
        expect(seen).toEqual([{ id: 'a', n: 2 }]);
      }));

    test.each(['serializable', 'readCommitted'] as Isolation[])('leaves nothing when it fails (%s)', (isolation) =>
      using(async (sql) => {
        await sql.run((tx) => add(tx, 'kept'));
        const failing: ((tx: Tx) => Work<unknown>)[] = [
          function* (tx) {
            yield* add(tx, 'b');
            throw new Problem('uniqueness');
          },
          function* (tx) {
            yield* add(tx, 'c');
            yield* add(tx, 'kept');
          },
          function* (tx) {
            yield* add(tx, 'd');
            yield* tx.change('insert into nowhere (id) values (?)', ['x']);
          },
          function* (tx) {
            yield* add(tx, 'e');
            yield* tx.query('update note set n = 5 returning id', []);
            throw new Error('no');
          },
        ];
        const outcomes = await Promise.allSettled([
          ...failing.map((work) => sql.run(work, isolation)),
          sql.run((tx) => add(tx, 'innocent'), isolation),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual([...failing.map(() => 'rejected'), 'fulfilled']);
        expect(outcomes[0]).toMatchObject({ reason: { code: 'uniqueness' } });
        expect(await all(sql)).toEqual([
          { id: 'innocent', n: 1 },
          { id: 'kept', n: 1 },
        ]);
      }),
    );

    test('that is refused says no value', () =>
      using(async (sql) => {
        await sql.run((tx) => add(tx, 'hunter2'));
        const refused = await sql.run((tx) => add(tx, 'hunter2')).catch((error: unknown) => error);
        expect(refused).toBeInstanceOf(Error);
        expect(JSON.stringify([refused, String(refused), (refused as Error).stack])).not.toContain('hunter2');
      }));

    test('in which a yield* is forgotten is refused', () =>
      using(async (sql) => {
        const lost = sql.run(function* (tx) {
          add(tx, 'lost').next();
          yield* add(tx, 'kept');
        });
        await expect(lost).rejects.toThrow(/yield\*/);
        expect(await all(sql)).toEqual([]);
      }));

    test('asks first with “on conflict do nothing returning”: of many, one gets it', () =>
      using(async (sql, { another }) => {
        const other = await another();
        function* claim(tx: Tx, n: number): Work<boolean> {
          const [row] = yield* tx.query<Note>(
            `insert into note (id, n) values ('one', ?) on conflict (id) do nothing returning id`,
            [n],
          );
          return row !== undefined;
        }
        const got = await Promise.all(
          Array.from({ length: 12 }, (_, n) => (n % 2 ? sql : other).run((tx) => claim(tx, n))),
        );
        expect(got.filter(Boolean)).toHaveLength(1);
        expect(await all(sql)).toEqual([{ id: 'one', n: got.indexOf(true) }]);
      }));

    test('is alone: what is counted up by many is counted right', () =>
      using(async (sql, { another }) => {
        const other = await another();
        await sql.run((tx) => add(tx, 'a', 0));
        const counts = await Promise.all(
          Array.from({ length: 20 }, (_, n) => (n % 2 ? sql : other).run((tx) => up(tx, 'a'))),
        );
        expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      }));

    test('is alone: of two that each rely on what the other changes, one sees it changed', () =>
      using(async (sql, { another }) => {
        const other = await another();
        for (let round = 0; round < 5; round++) {
          await sql.run(function* (tx) {
            yield* tx.run`delete from note`;
            yield* add(tx, 'a');
            yield* add(tx, 'b');
          });
          // At least one stays on duty.
          function* leave(tx: Tx, id: string): Work<boolean> {
            const there = yield* tx.all`select id from note where n = 1`;
            if (there.length < 2) return false;
            yield* tx.run`update note set n = 0 where id = ${id}`;
            return true;
          }
          const left = await Promise.all([sql.run((tx) => leave(tx, 'a')), other.run((tx) => leave(tx, 'b'))]);
          expect(left.toSorted()).toEqual([false, true]);
        }
      }));

    test('whatever it does and wherever it fails, it is all there or nothing of it', () =>
      using(async (sql) => {
        const step = fc.record({
          do: fc.constantFrom('put' as const, 'drop' as const, 'add' as const, 'fail' as const, 'put' as const),
          id: fc.constantFrom('a', 'b', 'c'),
          n: fc.integer({ min: -5, max: 5 }),
        });
        const model = new Map<string, number>();
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(step, { maxLength: 5 }), { minLength: 1, maxLength: 6 }),
            async (units) => {
              for (const unit of units) {
                const after = new Map(model);
                const done = await sql
                  .run(function* (tx) {
                    for (const { do: what, id, n } of unit) {
                      if (what === 'put') {
                        yield* tx.run`insert into note (id, n) values (${id}, ${n})
                        on conflict (id) do update set n = excluded.n`;
                        after.set(id, n);
                      } else if (what === 'drop') {
                        expect(yield* tx.run`delete from note where id = ${id}`).toBe(after.delete(id) ? 1 : 0);
                      } else if (what === 'add') {
                        if (after.has(id)) yield* add(tx, id, n);
                      } else throw new Error('It fails here.');
                    }
                  })
                  .then(() => true)
                  .catch(() => false);
                if (done) {
                  model.clear();
                  for (const [id, n] of after) model.set(id, n);
                }
                expect(await all(sql)).toEqual([...model].sort().map(([id, n]) => ({ id, n })));
              }
            },
          ),
          { numRuns: 25 },
        );
      }));
  });

  describe(`${name}: reading`, () => {
    test('is done on one snapshot, together with nobody’s half-done work, and changes nothing', () =>
      using(async (sql, { another }) => {
        const other = await another();
        await sql.run((tx) => add(tx, 'a', 0));
        await sql.run((tx) => add(tx, 'b', 0));
        let stop = false;
        const writing = (async () => {
          while (!stop)
            await other.run(function* (tx) {
              yield* up(tx, 'a');
              yield* up(tx, 'b');
            });
        })();
        for (let n = 0; n < 10; n++) {
          const [one, two] = await sql.read(function* (tx) {
            const one = yield* tx.get<Note>`select n from note where id = 'a'`;
            return [one?.n, (yield* tx.get<Note>`select n from note where id = 'b'`)?.n];
          });
          expect(one).toBe(two);
        }
        stop = true;
        await writing;
        await expect(sql.read((tx) => add(tx, 'c'))).rejects.toThrow('only reads');
        await expect(sql.get`delete from note returning id`).rejects.toThrow('in a unit of work');
        await expect(sql.all`update note set n = 1 returning id`).rejects.toThrow('in a unit of work');
        expect((await all(sql)).map(({ id }) => id)).toEqual(['a', 'b']);
      }));

    test('finds nothing as nothing', () =>
      using(async (sql) => {
        expect(await sql.get`select id from note`).toBeUndefined();
        expect(await sql.all`select id from note`).toEqual([]);
        const found = await sql.run(function* (tx) {
          return [
            yield* tx.get`select id from note`,
            yield* tx.all`select id from note`,
            yield* tx.query('select id from note where id = ?', ['a']),
            yield* tx.rows('select id, n from note', []),
            yield* tx.run`delete from note`,
            yield* tx.change('update note set n = ? where id = ?', [1, 'a']),
          ];
        });
        expect(found).toEqual([undefined, [], [], [], 0, 0]);
        expect(await sql.get`select max(n) as most, count(*) as many from note`).toEqual({ most: null, many: 0 });
      }));

    test('gives rows as arrays in the order of their columns', () =>
      using(async (sql) => {
        await sql.run((tx) => add(tx, 'a', null));
        const rows = await sql.read(function* (tx) {
          return yield* tx.rows('select n, id, id as again from note', []);
        });
        expect(rows).toEqual([[null, 'a', 'a']]);
      }));
  });

  describe(`${name}: values`, () => {
    test('come back as they went', () =>
      using(async (sql) => {
        const numbers = [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
        const texts = ['', ' ', '?', '$1', "'", '"', '\\', 'ı İ ﷺ 😀', '\u{10FFFF}', '\r\n\t', 'x'.repeat(100_000)];
        for (const [index, text] of texts.entries()) await sql.run((tx) => add(tx, text, numbers[index] ?? null));
        for (const [index, text] of texts.entries()) {
          const row = await sql.get`select id, n from note where id = ${text}`;
          expect(row).toEqual({ id: text, n: numbers[index] ?? null });
        }
        expect(await sql.get`select '?' as mark, ${'a'} as given, '' as empty`).toEqual({
          ...{ mark: '?', given: 'a', empty: '' },
        });
      }));

    test('are compared by their bytes', () =>
      using(async (sql) => {
        const texts = ['a', 'B', '_', 'ä', '-', 'Z', 'é', 'aa', 'A', '😀', '\uFFFD', ''];
        for (const text of texts) await sql.run((tx) => add(tx, text));
        const byBytes = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect((await all(sql)).map(({ id }) => id)).toEqual(byBytes);
        expect(await sql.all`select id from note where id > ${'Z'} and id < ${'b'} order by id`).toEqual([
          ...[{ id: '_' }, { id: 'a' }, { id: 'aa' }],
        ]);
      }));

    test('that one of the engines could not hold are refused by all', () =>
      using(async (sql) => {
        const bad = { code: 'invalidValue' };
        await expect(sql.run((tx) => add(tx, 'a\0b'))).rejects.toMatchObject(bad);
        await expect(sql.get`select id from note where id = ${'\0'}`).rejects.toMatchObject(bad);
        await expect(
          sql.read(function* (tx) {
            return yield* tx.query('select id from note where id = ?', ['\0']);
          }),
        ).rejects.toMatchObject(bad);
        for (const n of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
          await expect(sql.run((tx) => add(tx, 'a', n))).rejects.toThrow(RangeError);
        }
        expect(await all(sql)).toEqual([]);
      }));

    test('that grow too big for a number are an error, not another number', () =>
      using(async (sql) => {
        await sql.run((tx) => add(tx, 'a', Number.MAX_SAFE_INTEGER));
        await expect(sql.get`select n + 2 as n from note`).rejects.toThrow();
        expect(await sql.get`select n from note`).toEqual({ n: Number.MAX_SAFE_INTEGER });
      }));
  });

  describe(`${name}: signals`, () => {
    test('are heard in order once there is a commit, and never without', () =>
      using(async (sql) => {
        const heard: (Signal | undefined)[] = [];
        const stop = sql.signals?.listen((signal) => heard.push(signal));
        const seen = () => heard.flatMap((signal) => signal?.content ?? []);
        await sql.run(function* (tx) {
          yield* tx.signal('c', '1');
          yield* add(tx, 'a');
          yield* tx.signal('c', '2');
        });
        const failing = sql.run(function* (tx) {
          yield* tx.signal('c', 'never');
          yield* add(tx, 'a');
        });
        await expect(failing).rejects.toThrow();
        sql.signals?.send({ channel: 'c', content: '3' });
        await vi.waitFor(() => expect(seen()).toEqual(['1', '2', '3']));
        stop?.();
        await sql.run(function* (tx) {
          yield* tx.signal('c', '4');
        });
        expect(seen()).toEqual(['1', '2', '3']);
      }));
  });

  describe(`${name}: closing`, () => {
    test('waits for what has begun, and refuses what comes later', () =>
      using(async (sql, { another }) => {
        const other = await another();
        const begun = Array.from({ length: 5 }, (_, n) => sql.run((tx) => add(tx, `a${n}`)));
        const closed = sql.close();
        const late = [
          sql.run((tx) => add(tx, 'late')),
          sql.get`select id from note`,
          sql.read((tx) => add(tx, 'late')),
        ];
        for (const { status, ...rest } of await Promise.allSettled(late)) {
          expect([status, rest]).toMatchObject(['rejected', { reason: { details: { reason: 'closing' } } }]);
        }
        expect(await Promise.all(begun)).toEqual([1, 1, 1, 1, 1]);
        await closed;
        await sql.close();
        expect(await all(other)).toHaveLength(5);
      }));
  });
}
