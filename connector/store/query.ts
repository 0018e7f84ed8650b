// Pages of what a query finds. Where SQL can say the whole filter and order, a page is read behind the one before it by
// its key (segments.ts); otherwise the resources are looked into once (listed.ts) and the list is kept until the tenant
// writes again. Totals and the places where pages begin are kept likewise: a page costs what it holds, at any depth.

import type { Sql, Tx, Work } from '../sql/sql.ts';
import { listOf, pageOfList } from './listed.ts';
import { type Found, type From, type Listed, type Memory, type Page, type Query, writesOf } from './page.ts';
import { pageOfSegments, type Segments, segmentsOf } from './segments.ts';

const mostMemories = 200;
/** Ids in remembered lists; some 100 bytes each. */
const mostListed = 200_000;

/** @param sql what `page` reads from */
export function queries(sql: Sql) {
  const memories = new Map<string, Memory>();
  const underWay = new Map<string, { stamp: string; list: Promise<Listed[]> }>();

  /** The memory of this query in this state of the tenant; the one used last stands last. */
  function memoryOf(name: string, stamp: string): Memory {
    const known = memories.get(name);
    const memory = known?.stamp === stamp ? known : { stamp, anchors: [] };
    memories.delete(name);
    memories.set(name, memory);
    let listed = 0;
    for (const { listed: list } of memories.values()) listed += list?.length ?? 0;
    for (const [oldest, { listed: list }] of memories) {
      if (memories.size <= mostMemories && listed <= mostListed) break;
      memories.delete(oldest);
      listed -= list?.length ?? 0;
    }
    return memory;
  }

  /** Two who ask the same at the same time wait for one list. */
  function listing(query: Query, name: string, stamp: string): Promise<Listed[]> {
    const known = underWay.get(name);
    if (known?.stamp === stamp) return known.list;
    const list = listOf(sql, query).finally(() => {
      if (underWay.get(name)?.list === list) underWay.delete(name);
    });
    underWay.set(name, { stamp, list });
    return list;
  }

  // Named, not written where they are run: see the endpoints of the SCIM door.
  function* segmentsPage<T>(tx: Tx, query: Query, segments: Segments, from: From, count: number, use: Use<T>) {
    const remember = (stamp: string) => memoryOf(`${query.tenant} ${query.name}`, stamp);
    const page = yield* pageOfSegments(tx, query, segments, from, count, remember);
    return { ...page, used: yield* use(tx, page.found) };
  }

  async function listedPage<T>(query: Query, from: From, count: number, use: Use<T>): Promise<Page<T>> {
    const name = `${query.tenant} ${query.name}`;
    const before = await sql.read((tx) => writesOf(tx, query.tenant));
    const memory = memoryOf(name, before);
    const listed = memory.listed ?? (await listing(query, name, before));
    return sql.read(function* (tx) {
      const now = yield* writesOf(tx, query.tenant);
      if (now === before) {
        memory.listed = listed;
        memories.set(name, memory);
      }
      const page = yield* pageOfList(tx, query, listed, from, count, now !== before);
      return { ...page, used: yield* use(tx, page.found) };
    });
  }

  return {
    /**
     * One page, and what `use` makes of it within the same snapshot.
     * @param count from 0
     * @throws Problem invalidCursor when a position cannot be found again
     */
    async page<T>(query: Query, from: From, count: number, use: Use<T>): Promise<Page<T>> {
      const segments = segmentsOf(query);
      if (!segments) return listedPage(query, from, count, use);
      return sql.read((tx) => segmentsPage(tx, query, segments, from, count, use));
    },
  };
}

export type Queries = ReturnType<typeof queries>;
type Use<T> = (tx: Tx, found: readonly Found[]) => Work<T>;
