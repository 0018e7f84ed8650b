// What one request may cost everybody else: over an organisation of 6,000 people, filters that fill every limit and are
// answered, and how long the event loop stands still meanwhile.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGroup } from '../../connector/store/groups.ts';
import type { UserContent } from '../../connector/store/user-resource.ts';
import { createUser } from '../../connector/store/users.ts';
import { core, groupSchema, scimServer, start } from './scim-server.ts';

const people = 6_000;
const groups = 200;
/** In milliseconds; far more than any of these takes. */
const longest = 500;
const by = { at: start, actor: 'operator' };

let server: Awaited<ReturnType<typeof scimServer>>;
beforeAll(async () => {
  server = await scimServer();
  const idOf = (kind: string, number: number) => `${kind}-${String(number).padStart(6, '0')}`;
  const person = (number: number) =>
    ({
      schemas: [core],
      userName: `person${number}@contoso.example`,
      name: { familyName: `Family ${number % 997}`, givenName: `Given ${number % 89}` },
      title: `Title ${number % 13}`,
      active: number % 7 !== 0,
      emails: [
        { type: 'work', value: `person${number}@contoso.example`, primary: true },
        { type: 'home', value: `p${number}@mail.example` },
      ],
    }) as unknown as UserContent;
  for (let from = 0; from < people; from += 1000) {
    await server.sql.run(function* (tx) {
      for (let n = from; n < from + 1000; n++) yield* createUser(tx, 'default', idOf('u', n), person(n), by);
    });
  }
  // A tree of groups within groups, each person in two of them.
  const share = people / groups;
  for (let number = groups - 1; number >= 0; number--) {
    const inner = [2 * number + 1, 2 * number + 2].filter((one) => one < groups).map((one) => idOf('g', one));
    const own = Array.from({ length: 2 * share }, (_, n) => idOf('u', (number * share + n) % people));
    const content = { schemas: [groupSchema], displayName: `Group ${number}` };
    await server.sql.run((tx) => createGroup(tx, 'default', idOf('g', number), content, [...own, ...inner], by));
  }
}, 120_000);
afterAll(() => server[Symbol.asyncDispose]());

/**
 * The longest time for which nothing else was answered, in milliseconds of this thread's own work: what the machine does for
 * others meanwhile is none of ours.
 */
async function stallOf(work: () => Promise<unknown>): Promise<number> {
  const worked = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let stall = 0;
  let last = worked();
  let going = true;
  const tick = () => {
    const now = worked();
    stall = Math.max(stall, now - last);
    last = now;
    if (going) setImmediate(tick);
  };
  tick();
  await work();
  // A stall is seen by the tick that comes after it.
  await new Promise((resolve) => setImmediate(resolve));
  going = false;
  tick();
  return stall;
}

/** As many terms as are accepted: 256 of them (a value path is one, and so is each comparison in it), or 8,192 characters. */
function filled(term: (number: number) => string, operator: 'and' | 'or', comparisons = 1): string {
  const terms: string[] = [];
  for (let length = 0; (terms.length + 1) * comparisons <= 256; ) {
    const next = term(terms.length);
    length += next.length + operator.length + 2;
    if (length > 8190) break;
    terms.push(next);
  }
  return terms.join(` ${operator} `);
}

const emails = Array.from({ length: 240 }, (_, n) => `emails.value co "zz${n}"`).join(' or ');
const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
const filters: [string, string, string][] = [
  ['emails, none of them, and', '/Users', filled((n) => `emails.value ne "x${n}"`, 'and')],
  ['emails, none of them, or', '/Users', filled((n) => `emails.value co "x${n}@"`, 'or')],
  ['emails, by their ends', '/Users', filled((n) => `emails.value ew "${n}.example"`, 'or')],
  ['a value path', '/Users', filled((n) => `emails[type eq "work" and value co "z${n}"]`, 'or', 3)],
  ['not', '/Users', filled((n) => `not (emails.value sw "q${n}")`, 'and')],
  ['nested as deep as may be', '/Users', `${'not ('.repeat(30)}emails.value co "zz"${')'.repeat(30)}`],
  ['several attributes', '/Users', filled((n) => `title co "q${n}" or name.familyName ew "q${n}"`, 'or', 2)],
  ['userName', '/Users', filled((n) => `userName co "q${n}"`, 'or')],
  ['groups by name', '/Users', filled((n) => `groups.display co "q${n}"`, 'or')],
  ['one person, and of the others as well', '/Users', `userName eq "person1@contoso.example" and (${emails})`],
  ['one person, and not', '/Users', `id eq "u-000001" and not (${emails})`],
  ['who shares a name, and not', '/Users', `name.familyName eq "Family 1" and not (${emails})`],
  ['lists, and what no column has', '/Users', 'emails.value co "@" and emails.value co "e" and title pr'],
  ['members', '/Groups', filled((n) => `members.value eq "q${n}"`, 'or')],
  ['members by name', '/Groups', filled((n) => `members.display co "q${n}"`, 'or')],
  ['over all resources', '', filled((n) => `(displayName ne "q${n}" or emails.value eq "q${n}")`, 'and', 2)],
];

describe(`filters that fill the limits, over ${people} people`, () => {
  test.each(filters)('%s', { timeout: 120_000 }, async (_what, endpoint, filter) => {
    const stall = await stallOf(async () => {
      const answer = await server.ask('POST', `${endpoint}/.search`, { schemas, filter, sortBy: 'meta.lastModified' });
      expect([answer.status, answer.body.detail]).toEqual([200, undefined]);
    });
    expect(stall).toBeLessThan(longest);
  });
});

test('the largest pages, sorted by what has to be looked up, from anywhere', { timeout: 120_000 }, async () => {
  for (const query of [
    'count=1000',
    'count=1000&startIndex=5001',
    'count=1000&sortBy=emails.value&startIndex=3001',
    'count=1000&sortBy=name.familyName&sortOrder=descending&attributes=groups',
    'count=1000&cursor=',
  ]) {
    const stall = await stallOf(async () => expect((await server.ask('GET', `/Users?${query}`)).status).toBe(200));
    expect([query, stall < longest || stall]).toEqual([query, true]);
  }
  const stall = await stallOf(async () => expect((await server.ask('GET', '/Groups?count=1000')).status).toBe(200));
  expect(stall).toBeLessThan(longest);
});
