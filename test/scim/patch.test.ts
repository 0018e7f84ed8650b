// RFC 7644 §3.5.2, rule by rule, on the pure function; that a PATCH is atomic, at the door.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patchResource } from '../../connector/scim/patch.ts';
import { readPatch } from '../../connector/scim/patch-request.ts';
import { user } from '../../connector/scim/user.ts';
import { readUser } from '../../connector/scim/users.ts';
import { Problem } from '../../shared/problem.ts';
import { core, enterprise, patchOp, scimServer } from './scim-server.ts';

const barbara = readUser({
  schemas: [core, enterprise],
  userName: 'bjensen',
  name: { familyName: 'Jensen', givenName: 'Barbara' },
  emails: [
    { value: 'bjensen@example.com', type: 'work', primary: true },
    { value: 'babs@jensen.org', type: 'home' },
  ],
  addresses: [
    { type: 'work', streetAddress: '100 Universal City Plaza', locality: 'Hollywood', primary: true },
    { type: 'home', streetAddress: '456 Hollywood Blvd' },
  ],
  title: 'Tour Guide',
  [enterprise]: { department: 'Tours', manager: { value: 'm-1' } },
});

const patch = (...Operations: object[]) => patchResource(user, barbara, readPatch({ schemas: [patchOp], Operations }));

function refusal(...operations: unknown[]): string {
  try {
    patchResource(user, barbara, readPatch({ schemas: [patchOp], Operations: operations }));
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
}

describe('§3.5.2.1 add', () => {
  test('without a path: emails are added, nickName is set', () => {
    const after = patch({
      op: 'add',
      value: { emails: [{ value: 'new@jensen.org', type: 'other' }], nickname: 'Babs' },
    });
    expect(after.emails).toHaveLength(3);
    expect(after.nickName).toBe('Babs');
  });

  test('a value that is there already changes nothing', () => {
    expect(patch({ op: 'add', path: 'emails', value: [{ value: 'babs@jensen.org', type: 'home' }] })).toEqual(barbara);
    expect(patch({ op: 'add', path: 'title', value: 'Tour Guide' })).toEqual(barbara);
  });

  test('a single value is replaced, a complex one merged', () => {
    const after = patch(
      { op: 'add', path: 'title', value: 'Chief' },
      { op: 'add', path: 'name', value: { middleName: 'Jane' } },
    );
    expect(after).toMatchObject({
      title: 'Chief',
      name: { familyName: 'Jensen', givenName: 'Barbara', middleName: 'Jane' },
    });
  });

  test('the same type and value is the same element: what is said beside them is said of it', () => {
    const after = patch({
      op: 'add',
      path: 'emails',
      value: [{ value: 'babs@jensen.org', type: 'home', primary: true, display: 'B' }],
    });
    expect(after.emails).toEqual([
      { value: 'bjensen@example.com', type: 'work', primary: false },
      { value: 'babs@jensen.org', type: 'home', primary: true, display: 'B' },
    ]);
  });

  test('RFC 7643 §2.4 canonical types are written as the schema writes them', () => {
    const after = patch({
      op: 'add',
      path: 'phoneNumbers',
      value: [
        { value: '1', type: 'MOBILE' },
        { value: '2', type: 'Car' },
      ],
    });
    expect(after.phoneNumbers).toEqual([
      { value: '1', type: 'mobile' },
      { value: '2', type: 'Car' },
    ]);
  });

  test('the URN of the core schema, alone and before a name', () => {
    const after = patch(
      { op: 'add', path: core, value: { title: 'Chief' } },
      { op: 'replace', path: `${core}:name.givenName`, value: 'Babs' },
    );
    expect(after).toMatchObject({ title: 'Chief', name: { givenName: 'Babs' } });
  });

  test('a new primary value makes the others not so', () => {
    const after = patch({ op: 'add', path: 'emails', value: [{ value: 'x@example.com', primary: true }] });
    expect(after.emails?.map(({ primary }) => primary)).toEqual([false, undefined, true]);
  });

  test('the URN of the extension, alone and before a name', () => {
    const after = patch(
      { op: 'add', path: enterprise, value: { costCenter: '4130' } },
      { op: 'add', path: `${enterprise.toUpperCase()}:Division`, value: 'Theme Park' },
    );
    expect(after[enterprise]).toMatchObject({ department: 'Tours', costCenter: '4130', division: 'Theme Park' });
  });
});

describe('§3.5.2.2 remove', () => {
  test('a single value, a multi-valued attribute, the values that match, a sub-attribute of them', () => {
    expect(patch({ op: 'remove', path: 'title' })).not.toHaveProperty('title');
    expect(patch({ op: 'remove', path: 'emails' })).not.toHaveProperty('emails');
    const some = patch({ op: 'remove', path: 'emails[type eq "work" and value ew "example.com"]' });
    expect(some.emails).toEqual([{ value: 'babs@jensen.org', type: 'home' }]);
    const sub = patch({ op: 'remove', path: 'addresses[type eq "work"].locality' });
    expect(sub.addresses).toMatchObject([{ streetAddress: '100 Universal City Plaza' }, {}]);
    expect((sub.addresses as object[])[0]).not.toHaveProperty('locality');
  });

  test('listed values go, and only those (Entra)', () => {
    const after = patch({ op: 'Remove', path: 'emails', value: [{ $ref: null, value: 'babs@jensen.org' }] });
    expect(after.emails).toEqual([{ value: 'bjensen@example.com', type: 'work', primary: true }]);
  });

  test('what is not there is removed already', () => {
    expect(patch({ op: 'remove', path: 'emails[type eq "fax"]' })).toEqual(barbara);
    expect(patch({ op: 'remove', path: 'nickName' })).toEqual(barbara);
  });

  test('an extension that has lost its last attribute is gone from schemas', () => {
    expect(patch({ op: 'remove', path: enterprise }).schemas).toEqual([core]);
  });

  test('no path: noTarget; a required or read-only attribute: mutability', () => {
    expect(refusal({ op: 'remove' })).toBe('noTarget');
    expect(refusal({ op: 'remove', path: 'userName' })).toBe('mutability');
    expect(refusal({ op: 'remove', path: 'id' })).toBe('mutability');
  });
});

describe('§3.5.2.3 replace', () => {
  test('the whole attribute, every value that matches, one sub-attribute of them', () => {
    const whole = patch({ op: 'replace', path: 'emails', value: [{ value: 'only@example.com' }] });
    expect(whole.emails).toEqual([{ value: 'only@example.com' }]);
    const value = { type: 'work', streetAddress: '911 Universal City Plaza', locality: 'Hollywood', primary: true };
    expect(patch({ op: 'replace', path: 'addresses[type eq "work"]', value }).addresses).toMatchObject([
      value,
      { type: 'home' },
    ]);
    const street = patch({
      op: 'replace',
      path: 'addresses[type eq "work"].streetAddress',
      value: '1010\nBroadway Ave',
    });
    expect(street.addresses).toMatchObject([{ streetAddress: '1010\nBroadway Ave', locality: 'Hollywood' }, {}]);
  });

  test('§3.5.2.3 "all matching record values SHALL be replaced": what is not given is gone, the filter stays true', () => {
    const after = patch({ op: 'replace', path: 'addresses[type eq "work"]', value: { locality: 'Burbank' } });
    expect(after.addresses).toEqual([
      { type: 'work', locality: 'Burbank' },
      { type: 'home', streetAddress: '456 Hollywood Blvd' },
    ]);
  });

  test('sub-attributes that are not named stay; null unassigns one', () => {
    expect(patch({ op: 'replace', path: 'name', value: { givenName: 'Babs', familyName: null } }).name).toEqual({
      givenName: 'Babs',
    });
    expect(patch({ op: 'replace', value: { name: { familyName: 'J' } } }).name).toEqual({
      familyName: 'J',
      givenName: 'Barbara',
    });
  });

  test('an attribute without a value is added', () => {
    expect(patch({ op: 'replace', path: 'nickName', value: 'Babs' }).nickName).toBe('Babs');
    expect(patch({ op: 'replace', path: 'name.middleName', value: 'J' }).name).toMatchObject({ middleName: 'J' });
  });

  test('a value filter that matches nothing is noTarget', () => {
    expect(refusal({ op: 'replace', path: 'emails[type eq "fax"].value', value: 'x' })).toBe('noTarget');
    expect(refusal({ op: 'replace', path: 'emails[type eq "fax"]', value: { value: 'x' } })).toBe('noTarget');
    expect(refusal({ op: 'add', path: 'emails[not (type pr)].value', value: 'x' })).toBe('noTarget');
  });

  test('spelled Replace, or under the flag in Entra’s URL, it creates the element that its filter describes', () => {
    const path = 'phoneNumbers[type eq "mobile"].value';
    const made = [{ type: 'mobile', value: '+1' }];
    expect(patch({ op: 'Replace', path, value: '+1' }).phoneNumbers).toEqual(made);
    expect(patch({ op: 'Replace', value: { [path]: '+1' } }).phoneNumbers).toEqual(made);
    expect(patch({ op: 'Replace', path: path.slice(0, -6), value: { value: '+1' } }).phoneNumbers).toEqual(made);
    const operation = { op: 'replace', path, value: '+1' };
    const flagged = readPatch({ schemas: [patchOp], Operations: [operation] }, true);
    expect(patchResource(user, barbara, flagged).phoneNumbers).toEqual(made);
    expect(refusal(operation)).toBe('noTarget');
    expect(refusal({ op: 'REPLACE', path, value: '+1' })).toBe('noTarget');
    expect(refusal({ op: 'Replace', path: 'phoneNumbers[type ne "mobile"].value', value: '+1' })).toBe('noTarget');
    expect(patch({ op: 'Replace', path, value: '' })).not.toHaveProperty('phoneNumbers');
  });

  test('a primary of the filter or the value is the only one', () => {
    const after = patch({ op: 'replace', path: 'emails[type eq "home"].primary', value: true });
    expect(after.emails?.map(({ primary }) => primary)).toEqual([false, true]);
  });
});

describe('refused', () => {
  test.each([
    ['no operation', [], 'invalidSyntax'],
    ['no object', ['x'], 'invalidSyntax'],
    ['another op', [{ op: 'move', path: 'title', value: 'x' }], 'invalidSyntax'],
    ['no op', [{ path: 'title', value: 'x' }], 'invalidSyntax'],
    ['a path that is no text', [{ op: 'add', path: 5, value: 'x' }], 'invalidPath'],
    ['an unknown attribute', [{ op: 'add', path: 'nothing', value: 'x' }], 'invalidPath'],
    ['an unknown sub-attribute', [{ op: 'add', path: 'name.nothing', value: 'x' }], 'invalidPath'],
    ['an unknown name in a value', [{ op: 'add', value: { nothing: 'x' } }], 'invalidPath'],
    [
      'a filter on a single value',
      [{ op: 'add', path: 'name[givenName eq "x"].familyName', value: 'x' }],
      'invalidPath',
    ],
    ['a wrong type', [{ op: 'replace', path: 'active', value: 'perhaps' }], 'invalidValue'],
    ['a text for emails', [{ op: 'replace', path: 'emails', value: 'x' }], 'invalidValue'],
    ['no value without a path', [{ op: 'add', value: 'x' }], 'invalidValue'],
    ['a line end in a name', [{ op: 'replace', path: 'displayName', value: 'a\r\nBcc: b' }], 'invalidValue'],
    ['id', [{ op: 'replace', path: 'id', value: 'x' }], 'mutability'],
    ['meta', [{ op: 'replace', path: 'meta.created', value: 'x' }], 'mutability'],
    ['an empty userName', [{ op: 'replace', path: 'userName', value: '' }], 'invalidValue'],
    ['taking a password away', [{ op: 'remove', path: 'password' }], 'mutability'],
    ['groups, which follow from the Groups', [{ op: 'add', path: 'groups', value: [{ value: 'x' }] }], 'mutability'],
    ['an add without a value', [{ op: 'add', path: 'title' }], 'invalidValue'],
    ['a replace without a value', [{ op: 'replace', path: 'title' }], 'invalidValue'],
    [
      'two values for the one that matches',
      [{ op: 'replace', path: 'emails[type eq "work"]', value: [{ value: 'a' }, { value: 'b' }] }],
      'invalidValue',
    ],
    ['a URI with a space', [{ op: 'add', path: 'profileUrl', value: 'https://a b' }], 'invalidValue'],
    [
      'two primary values',
      [
        {
          op: 'replace',
          path: 'emails',
          value: [
            { value: 'a', primary: true },
            { value: 'b', primary: 'True' },
          ],
        },
      ],
      'invalidValue',
    ],
    ['more operations than fit', Array(1001).fill({ op: 'replace', path: 'title', value: 'x' }), 'invalidValue'],
  ])('%s', (_what, operations, code) => {
    expect(refusal(...operations)).toBe(code);
  });

  test('a body without the PatchOp schema', () => {
    expect(() => readPatch({ Operations: [{ op: 'remove', path: 'title' }] })).toThrow('invalidSyntax');
    expect(() => readPatch(null)).toThrow('invalidSyntax');
  });
});

test('active that is cleared stays as it is: nobody is let in or out by an absence', () => {
  const blocked = patch({ op: 'replace', path: 'active', value: false });
  const request = readPatch({ schemas: [patchOp], Operations: [{ op: 'remove', path: 'active' }] });
  const cleared = patchResource(user, blocked, request);
  expect(cleared.active).toBe(false);
});

test('whatever the operations are: a resource that is one, or a Problem, and the one before untouched', () => {
  const names = [
    'emails',
    'name',
    'active',
    'userName',
    'manager',
    'schemas',
    'constructor',
    '__proto__',
    'roles',
    'primary',
    'value',
  ];
  const piece = fc.constantFrom(
    ...names,
    enterprise,
    '.',
    ':',
    '[',
    ']',
    ' eq ',
    '"work"',
    'type',
    ' and ',
    '$ref',
    '',
  );
  const path = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
  const leaf = fc.oneof(fc.constantFrom(null, '', 'True', true, 5, 'x', 'a\u0000'), fc.string());
  const value = fc.oneof(
    leaf,
    fc.dictionary(fc.oneof(path, fc.constantFrom(...names)), leaf, { maxKeys: 4 }),
    fc.array(fc.oneof(leaf, fc.dictionary(fc.constantFrom('value', 'type', 'primary', 'x'), leaf)), { maxLength: 3 }),
  );
  const op = fc.constantFrom('add', 'Replace', 'REMOVE', 'x');
  const operation = fc.record({ op, path, value }, { requiredKeys: ['op'] });
  const before = JSON.stringify(barbara);
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 4 }), (operations) => {
      try {
        const after = patch(...operations);
        // Read again it is the same: nothing is stored that could not have been sent.
        expect(readUser(after, after)).toEqual(after);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        expect(error.status).toBeLessThan(500);
      }
      expect(JSON.stringify(barbara)).toBe(before);
    }),
    { numRuns: 5000 },
  );
});

test('atomic: of three operations the third fails, and nothing has happened', async () => {
  await using server = await scimServer();
  const created = await server.create({ userName: 'ada', title: 'Countess' });
  const answer = await server.patch(
    created.id,
    { op: 'replace', path: 'title', value: 'x' },
    { op: 'replace', path: 'active', value: false },
    { op: 'replace', path: 'nothing', value: 'x' },
  );
  expect([answer.status, answer.body.scimType]).toEqual([400, 'invalidPath']);
  expect((await server.ask('GET', `/Users/${created.id}`)).body).toEqual(created);
});

describe('RFC 7644 §3.5.2 examples as they stand', () => {
  test('§3.5.2.1 emails and nickname without a path', async () => {
    await using server = await scimServer();
    const { id } = await server.create({
      userName: 'bjensen',
      emails: [{ value: 'bjensen@example.com', type: 'work' }],
    });
    const { body } = await server.patch(id, {
      op: 'add',
      value: { emails: [{ value: 'babs@jensen.org', type: 'home' }], nickname: 'Babs' },
    });
    expect(body.nickName).toBe('Babs');
    expect(body.emails).toEqual([
      { value: 'bjensen@example.com', type: 'work' },
      { value: 'babs@jensen.org', type: 'home' },
    ]);
  });

  test('§3.5.2.2 members of a Group: one, all, "remove and add", and all replaced', async () => {
    await using server = await scimServer();
    const babs = await server.create({ userName: 'babs' });
    server.clock.at++;
    const james = await server.create({ userName: 'james' });
    const group = await server.createGroup({ displayName: 'Guides', members: [{ value: babs.id }] });
    const member = ({ id }: { id: string }, display: string) => ({
      display,
      $ref: `https://example.com/v2/Users/${id}`,
      value: id,
    });
    const members = async (...operations: object[]) => {
      const answer = await server.patchGroup(group.id, ...operations);
      expect([answer.status, answer.text]).toEqual([204, '']);
      const { body } = await server.ask('GET', `/Groups/${group.id}`);
      return (body.members ?? []).map(({ value }: { value: string }) => value);
    };
    // The standard writes no space before the quotation mark.
    const remove = { op: 'remove', path: `members[value eq"${babs.id}"]` };
    const add = { op: 'add', path: 'members', value: [member(james, 'James Smith')] };
    expect(await members(remove, add)).toEqual([james.id]);
    const both = [member(babs, 'Babs Jensen'), member(james, 'James Smith')];
    expect(await members({ op: 'remove', path: 'members' }, { op: 'add', path: 'members', value: both })).toEqual([
      babs.id,
      james.id,
    ]);
    expect(await members({ op: 'replace', path: 'members', value: both })).toEqual([babs.id, james.id]);
    expect(await members({ op: 'remove', path: `members[value eq "${james.id}"]` })).toEqual([babs.id]);
    expect(await members({ op: 'remove', path: 'members' })).toEqual([]);
  });

  test('§3.5.2.2 emails[type eq "work" and value ew "example.com"]', async () => {
    await using server = await scimServer();
    const emails = [
      { value: 'bjensen@example.com', type: 'work' },
      { value: 'bjensen@jensen.org', type: 'work' },
      { value: 'babs@example.com', type: 'home' },
    ];
    const { id } = await server.create({ userName: 'bjensen', emails });
    const path = 'emails[type eq "work" and value ew "example.com"]';
    expect((await server.patch(id, { op: 'remove', path })).body.emails).toEqual(emails.slice(1));
  });

  test('§3.5.2.3 the whole work address, its street alone, and all values of emails', async () => {
    await using server = await scimServer();
    const { id } = await server.create({
      userName: 'bjensen',
      addresses: [
        { type: 'work', streetAddress: '100 Universal City Plaza', primary: false },
        { type: 'home', streetAddress: '456 Hollywood Blvd', primary: true },
      ],
    });
    const value = {
      type: 'work',
      streetAddress: '911 Universal City Plaza',
      locality: 'Hollywood',
      region: 'CA',
      postalCode: '91608',
      country: 'US',
      formatted: '911 Universal City Plaza\nHollywood, CA 91608 US',
      primary: true,
    };
    const whole = await server.patch(id, { op: 'replace', path: 'addresses[type eq "work"]', value });
    expect(whole.body.addresses).toMatchObject([value, { type: 'home', primary: false }]);
    const street = { op: 'replace', path: 'addresses[type eq "work"].streetAddress', value: '1010 Broadway Ave' };
    expect((await server.patch(id, street)).body.addresses[0]).toMatchObject({
      ...value,
      streetAddress: '1010 Broadway Ave',
    });
    const emails = [
      { value: 'bjensen@example.com', type: 'work', primary: true },
      { value: 'babs@jensen.org', type: 'home' },
    ];
    const all = await server.patch(id, { op: 'replace', value: { emails, nickname: 'Babs' } });
    expect(all.body).toMatchObject({ emails, nickName: 'Babs' });
  });
});

describe('§3.5.2 laws', () => {
  const email = fc.record(
    { value: fc.constantFrom('a@x', 'b@x', 'c@x'), type: fc.constantFrom('work', 'home'), primary: fc.boolean() },
    { requiredKeys: ['value'] },
  );
  const person = fc
    .array(email, { maxLength: 4 })
    .filter((emails) => emails.filter(({ primary }) => primary).length < 2)
    .map((emails) => readUser({ schemas: [core], userName: 'ada', emails }));
  const path = fc.constantFrom('emails', 'emails[type eq "work"]', 'emails[not (value eq "a@x")]', 'emails.type');
  const change = fc.oneof(
    fc.record({ op: fc.constant('add'), path: fc.constant('emails'), value: fc.array(email, { maxLength: 2 }) }),
    fc.record({ op: fc.constant('replace'), path: fc.constant('emails[type eq "work"].primary'), value: fc.boolean() }),
    fc.record({ op: fc.constant('replace'), path: fc.constant('emails[value eq "b@x"]'), value: email }),
    fc.record({ op: fc.constant('remove'), path }),
  );
  const apply = (before: ReturnType<typeof readUser>, ...Operations: object[]) => {
    try {
      return patchResource(user, before, readPatch({ schemas: [patchOp], Operations }));
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  };

  test('at most one primary value, and no (type, value) twice, after any operations', () => {
    fc.assert(
      fc.property(person, fc.array(change, { minLength: 1, maxLength: 4 }), (before, operations) => {
        const emails = apply(before, ...operations)?.emails ?? [];
        expect(emails.filter(({ primary }) => primary).length).toBeLessThan(2);
        expect(new Set(emails.map(({ type, value }) => JSON.stringify([type, value]))).size).toBe(emails.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('one request of two operations is two requests of one', () => {
    fc.assert(
      fc.property(person, change, change, (before, first, second) => {
        const between = apply(before, first);
        expect(apply(before, first, second)).toEqual(between && apply(between, second));
      }),
      { numRuns: 2000 },
    );
  });

  test('what is added is there, again changes nothing; what is removed is not, and added values can be taken back', () => {
    const fresh = email.map((one) => ({ ...one, value: `new-${one.value}`, primary: false }));
    fc.assert(
      fc.property(person, fresh, (before, one) => {
        const add = { op: 'add', path: 'emails', value: [one] };
        const after = apply(before, add);
        expect(after?.emails).toContainEqual(one);
        expect(after && apply(after, add)).toEqual(after);
        expect(after && apply(after, { op: 'remove', path: `emails[value eq "${one.value}"]` })).toEqual(before);
        expect(after && apply(after, { op: 'replace', path: 'emails', value: before.emails ?? [] })).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });
});
