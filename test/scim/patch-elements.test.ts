// RFC 7644 §3.5.2 with a value filter and an object: what it says is said of the element that is there.

import { describe, expect, test } from 'vitest';
import { patchResource } from '../../connector/scim/patch.ts';
import { readPatch } from '../../connector/scim/patch-request.ts';
import { user } from '../../connector/scim/user.ts';
import { readUser } from '../../connector/scim/users.ts';
import { core, patchOp } from './scim-server.ts';

const barbara = readUser({
  schemas: [core],
  userName: 'bjensen',
  emails: [
    { value: 'bjensen@example.com', display: 'Desk', type: 'work', primary: true },
    { value: 'babs@jensen.org', type: 'home' },
  ],
  roles: [{ value: 'a', primary: true }, { value: 'b' }],
  addresses: [{ type: 'work', locality: 'Hollywood', primary: true }],
});

const patch = (...Operations: object[]) => patchResource(user, barbara, readPatch({ schemas: [patchOp], Operations }));
const home = barbara.emails?.[1];

describe('§3.5.2.1 add to the element that a filter chooses', () => {
  test('"the sub-attributes" that are named are set, the others stay', () => {
    expect(patch({ op: 'add', path: 'emails[type eq "home"]', value: { display: 'Home' } }).emails).toEqual([
      barbara.emails?.[0],
      { ...home, display: 'Home' },
    ]);
    expect(patch({ op: 'add', path: 'emails[type eq "work"]', value: [{ display: 'Office' }] }).emails?.[0]).toEqual({
      ...barbara.emails?.[0],
      display: 'Office',
    });
  });

  test('§3.5.2 one that becomes primary makes the others not so', () => {
    const after = patch({ op: 'add', path: 'roles[value eq "b"]', value: { primary: true } });
    expect(after.roles).toEqual([
      { value: 'a', primary: false },
      { value: 'b', primary: true },
    ]);
  });

  test('null unassigns what it names', () => {
    const after = patch({ op: 'add', path: 'emails[type eq "work"]', value: { Display: null } });
    expect(after.emails?.[0]).toEqual({ value: 'bjensen@example.com', type: 'work', primary: true });
    expect(patch({ op: 'add', path: 'emails[type eq "work"]', value: { value: '' } }).emails).toEqual([home]);
  });
});

describe('§3.5.2.3 replace of the element that a filter chooses', () => {
  test('an object without a value leaves the value: no element is lost', () => {
    const replaced = (value: object) => patch({ op: 'replace', path: 'emails[type eq "work"]', value }).emails;
    const value = 'bjensen@example.com';
    expect(replaced({ display: 'x' })).toEqual([{ value, display: 'x', type: 'work' }, home]);
    expect(replaced({ primary: true })).toEqual([{ value, type: 'work', primary: true }, home]);
    expect(replaced({ type: 'other' })).toEqual([{ value, type: 'other' }, home]);
  });

  test('primary is the only one', () => {
    const after = patch({ op: 'replace', path: 'roles[value eq "b"]', value: { primary: true } });
    expect(after.roles).toEqual([
      { value: 'a', primary: false },
      { value: 'b', primary: true },
    ]);
  });

  test('an element of an attribute that has no value keeps what it is made of', () => {
    const after = patch({ op: 'replace', path: 'addresses[type eq "work"]', value: { type: 'home' } });
    expect(after.addresses).toEqual([{ type: 'home', locality: 'Hollywood' }]);
  });

  test('a value that is null, and an empty list, unassign the element (RFC 7643 §2.5)', () => {
    for (const value of [{ value: null }, [], null, '']) {
      expect(patch({ op: 'replace', path: 'emails[type eq "work"]', value }).emails).toEqual([home]);
    }
  });
});
