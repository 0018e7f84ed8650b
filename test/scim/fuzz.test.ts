// Fifteen thousand random requests, valid, nearly valid and mad, against the door in memory: never a 500, none longer than a
// second, every answer in SCIM's own form, and afterwards the database still means what it says.
//
// A run prints its seed; RR_FUZZ_SEED=… repeats it.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifyAudit } from '../../connector/audit.ts';
import { fold } from '../../connector/filter/fold.ts';
import { group } from '../../connector/scim/group.ts';
import { readResource } from '../../connector/scim/resource.ts';
import { user } from '../../connector/scim/user.ts';
import { addressesOf, type UserContent } from '../../connector/store/user-resource.ts';
import { beginnings, type Request, request } from './fuzz-requests.ts';
import { errorSchema, scimServer } from './scim-server.ts';

type Server = Awaited<ReturnType<typeof scimServer>>;

const sequences = 150;
const perSequence = 100;
const longest = 1000;

// Running -------------------------------------------------------------------------------------------------------

interface Seen {
  /** Ids, by `U` and `G`. */
  readonly made: Record<string, string[]>;
  cursor: string;
  requests: number;
  readonly statuses: Map<number, number>;
}

async function send(server: Server, { method, url, headers: more, body }: Request, seen: Seen): Promise<void> {
  const filled = (given: string) =>
    given
      .replace(/(?:\{|%7B)([UG])(\d)(?:\}|%7D)/g, (_all, kind, at) => seen.made[kind]?.at(-1 - Number(at)) ?? 'nobody')
      .replace(/\{cursor\}|%7Bcursor%7D/g, seen.cursor);
  const payload = body === undefined ? undefined : filled(typeof body === 'string' ? body : JSON.stringify(body));
  const began = performance.now();
  const answer = await server.app.inject({
    method: method as 'GET',
    url: `/scim/v2${filled(url)}`,
    headers: {
      authorization: `Bearer ${server.token}`,
      ...(payload === undefined ? {} : { 'content-type': 'application/scim+json' }),
      ...more,
    },
    ...(payload === undefined ? {} : { payload }),
  });
  const took = performance.now() - began;
  seen.requests++;
  seen.statuses.set(answer.statusCode, (seen.statuses.get(answer.statusCode) ?? 0) + 1);
  const about = `${method} ${filled(url)} ${payload ?? ''}\n→ ${answer.statusCode} ${answer.body.slice(0, 500)}`;
  expect(took, about).toBeLessThan(longest);
  // 501 is what /Me is.
  expect(answer.statusCode === 501 ? 500 - Number(url.startsWith('/Me')) : answer.statusCode, about).toBeLessThan(500);
  if (answer.body === '') return;
  expect(answer.headers['content-type'], about).toBe('application/scim+json');
  const told = JSON.parse(answer.body);
  if (answer.statusCode >= 400)
    expect([told.schemas, told.status], about).toEqual([[errorSchema], String(answer.statusCode)]);
  if (typeof told.nextCursor === 'string') seen.cursor = told.nextCursor;
  if (answer.statusCode === 201) remember(seen, told.meta?.location ?? answer.headers.location);
  for (const { status, location } of told.Operations ?? []) {
    expect(Number(status), about).toBeLessThan(500);
    if (status === '201') remember(seen, location);
  }
}

function remember({ made }: Seen, location: string): void {
  const [type = '', id = ''] = location.split('/').slice(-2);
  made[type.charAt(0)]?.push(id);
}

/** What holds of the tables whatever was asked. */
async function holds({ sql, ask }: Server): Promise<void> {
  const users = await sql.all<{ id: string; name: string; key: string; active: number; resource: string }>`
    select id, user_name as name, user_name_key as key, active, resource from app_user where tenant = 'default'`;
  for (const { id, name, key, active, resource } of users) {
    const kept = JSON.parse(resource) as UserContent & { id: string };
    expect([kept.id, kept.userName, fold(kept.userName), Number(kept.active)]).toEqual([id, name, key, active]);
    // What is kept is what the table of attributes makes of it: it can be sent back as it is.
    const { id: _id, meta: _meta, ...content } = kept;
    expect(readResource(user, kept)).toEqual(content);
    const rows =
      await sql.all`select address_key as key, kind from user_address where tenant = 'default' and user_id = ${id}`;
    const keys = (list: readonly object[]) => list.map((one) => JSON.stringify(Object.entries(one).sort())).sort();
    expect(keys(rows)).toEqual(keys(addressesOf(kept)));
  }
  const groups = await sql.all<{
    id: string;
    resource: string;
  }>`select id, resource from app_group where tenant = 'default'`;
  for (const { id, resource } of groups) {
    const { id: kept, meta: _meta, ...content } = JSON.parse(resource);
    expect(kept).toBe(id);
    expect(readResource(group, { ...content })).toEqual(content);
  }
  expect(new Set(users.map(({ key }) => key)).size).toBe(users.length);
  const members = await sql.all<{ group_id: string; member_id: string; member_type: string }>`
    select group_id, member_id, member_type from group_member where tenant = 'default'`;
  for (const { group_id, member_id, member_type } of members) {
    expect(groups.some(({ id }) => id === group_id)).toBe(true);
    expect((member_type === 'User' ? users : groups).some(({ id }) => id === member_id)).toBe(true);
  }
  for (const [path, all] of [
    ['/Users', users],
    ['/Groups', groups],
  ] as const) {
    const { body } = await ask('GET', `${path}?count=1000`);
    expect([body.totalResults, body.Resources.length]).toEqual([all.length, all.length]);
  }
  expect((await verifyAudit(sql, 'default')).brokenAt).toBeUndefined();
}

test(`RFC 7644: ${sequences * perSequence} random requests`, async () => {
  const seed = Number(process.env.RR_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`RR_FUZZ_SEED=${seed}`);
  const statuses = new Map<number, number>();
  let requests = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: perSequence, maxLength: perSequence }), async (all) => {
      await using server = await scimServer();
      const seen: Seen = { made: { U: [], G: [] }, cursor: '', requests: 0, statuses };
      for (const one of [...beginnings, ...all]) {
        server.clock.at += 1;
        await send(server, one, seen);
      }
      await holds(server);
      requests += seen.requests;
    }),
    { numRuns: sequences, seed, endOnFailure: true },
  );
  expect(requests).toBeGreaterThanOrEqual(sequences * perSequence);
  // It would say little if everything were refused.
  for (const status of [200, 201, 204, 400, 404, 409, 412]) expect(statuses.get(status) ?? 0).toBeGreaterThan(50);
}, 120_000);
