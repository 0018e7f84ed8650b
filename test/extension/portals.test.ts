// What the admin center's markup says about a person, and what it must not be taken for.

import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { adminCenter } from '../../extension/portals/admin-center.ts';
import { buttonClass, parseHint, wholeAddress } from '../../extension/portals/portal.ts';
import { portalOf } from '../../extension/portals/portals.ts';
import { v8Grid, v8Row, v9Grid } from './markup.ts';

const users = new URL('https://admin.cloud.microsoft/?#/users');
const id = '6f1c0d0e-0f7a-4c8e-9a55-0d6f2a3b4c5d';

/** The first row of some markup. */
function row(html: string): Element {
  const found = parseHTML(`<!doctype html><body>${html}</body>`).document.querySelector(adminCenter.row);
  if (!found) throw new Error('there is no row in the markup');
  return found as unknown as Element;
}

describe('the page', () => {
  test.each([
    ['https://admin.microsoft.com/Adminportal/Home#/users', true],
    ['https://admin.microsoft.com/AdminPortal/Home?source=applauncher#/Users', true],
    ['https://admin.microsoft.com/?auth_upn=ada%40contoso.com#/users', true],
    ['https://admin.cloud.microsoft/?#/users', true],
    [`https://admin.cloud.microsoft/?#/users/:/UserDetails/${id}/Account`, true],
    ['https://admin.cloud.microsoft/?#/users/:/adduser', true],
    ['https://admin.cloud.microsoft/?#/users?filter=licensed', true],
    ['https://admin.cloud.microsoft/?#/homepage', false],
    ['https://admin.cloud.microsoft/?#/usersmigration', false],
    ['https://admin.cloud.microsoft/?#/deletedusers', false],
    ['https://admin.cloud.microsoft/users', false],
    ['https://admin.cloud.microsoft/?q=#', false],
  ])('%s shows people: %s', (address, expected) => {
    expect(adminCenter.isUsersPage(new URL(address))).toBe(expected);
  });

  test.each([
    ['https://admin.microsoft.com/', 'admin-center'],
    ['https://admin.cloud.microsoft/', 'admin-center'],
    ['http://admin.microsoft.com/', undefined],
    ['https://admin.microsoft.com.evil.example/', undefined],
    ['https://evil.example/?admin.microsoft.com', undefined],
  ])('%s belongs to %s', (address, name) => {
    expect(portalOf(new URL(address))?.name).toBe(name);
  });
});

describe('a row of the v8 list', () => {
  test('shows its address and its name', () => {
    const ada = row(v8Grid([{ name: 'Ada Lovelace', address: 'ada.lovelace@contoso.example' }]));
    expect(adminCenter.hint(ada, users)).toEqual({
      address: 'ada.lovelace@contoso.example',
      displayName: 'Ada Lovelace',
    });
    expect(adminCenter.cell(ada)?.getAttribute('data-automation-key')).toBe('DisplayName');
    expect(adminCenter.rovingFocus(ada)).toBe(true);
  });

  test('with the username column hidden says a name and no address', () => {
    expect(adminCenter.hint(row(v8Grid([{ name: 'Ada Lovelace' }])), users)).toEqual({ displayName: 'Ada Lovelace' });
  });

  test('keeps our button’s words out of the name, whichever way the name is written', () => {
    const button = `<button class="${buttonClass}"><span>Reset &amp; resend</span></button>`;
    for (const cell of [
      `<span role="button" title="Ada Lovelace">Ada Lovelace</span>${button}`,
      `<div><span role="button">Ada <mark>Love</mark>lace</span><i>icon</i></div>${button}`,
      `<a href="#x">Ada Lovelace</a>${button}`,
      `Ada Lovelace${button}`,
      `<div><div></div><div> Ada Lovelace </div><div>guest</div></div>${button}`,
    ]) {
      const found = adminCenter.cell(row(v8Row({ cell })));
      expect(found && adminCenter.displayName(found)).toBe('Ada Lovelace');
    }
  });

  test('an address that is only a part of a cell is none: texts of cells run together', () => {
    const cell = '<span role="button">Ada</span>';
    const licences = '<div role="gridcell" data-automation-key="Licenses">ada@contoso.example, Microsoft 365 E3</div>';
    expect(adminCenter.hint(row(v8Row({ cell, more: licences })), users)).toEqual({ displayName: 'Ada' });
  });

  test('of two addresses none is sure, unless a column says that it is the username', () => {
    const cell = '<span role="button">Ada</span>';
    const other = '<div role="gridcell" data-automation-key="AlternateEmail">ada@mail.example</div>';
    const upn = (key: string) => `<div role="gridcell" data-automation-key="${key}">ada@contoso.example</div>`;
    expect(adminCenter.hint(row(v8Row({ cell, more: other + upn('Mail') })), users).address).toBeUndefined();
    expect(adminCenter.hint(row(v8Row({ cell, more: other + upn('UserPrincipalName') })), users).address).toBe(
      'ada@contoso.example',
    );
  });

  test('the id in the address belongs to the one selected row only', () => {
    const open = new URL(`https://admin.cloud.microsoft/?#/users/:/UserDetails/${id.toUpperCase()}/Account`);
    const people = [{ name: 'Ada', selected: true }, { name: 'Grace' }];
    const rows = (html: string) => [
      ...(parseHTML(html).document.querySelectorAll(adminCenter.row) as unknown as Iterable<Element>),
    ];
    expect(rows(v8Grid(people)).map((each) => adminCenter.hint(each, open).objectId)).toEqual([id, undefined]);
    const both = people.map((person) => ({ ...person, selected: true }));
    expect(rows(v8Grid(both)).map((each) => adminCenter.hint(each, open).objectId)).toEqual([undefined, undefined]);
  });

  test('of another list, without a display name column, is no person’s', () => {
    expect(adminCenter.cell(row('<div role="row" data-automationid="DetailsRow"><div>x</div></div>'))).toBeNull();
  });
});

describe('a row of the v9 grid', () => {
  test('shows its address and its name', () => {
    const ada = row(v9Grid([['Ada Lovelace', 'ada@contoso.example', 'Microsoft 365 E3']]));
    expect(adminCenter.hint(ada, users)).toEqual({ address: 'ada@contoso.example', displayName: 'Ada Lovelace' });
    expect(adminCenter.cell(ada)?.textContent).toBe('Ada Lovelace');
    expect(adminCenter.rovingFocus(ada)).toBe(false);
  });

  test('without an address may be anything, and gets no button', () => {
    expect(adminCenter.cell(row(v9Grid([['Microsoft 365 E3', '25 of 30']])))).toBeNull();
  });
});

describe('a hint that comes as a message', () => {
  test('keeps what looks right and drops the rest', () => {
    expect(
      parseHint({ address: 'ada@contoso.example', objectId: id.toUpperCase(), displayName: 'Ada', host: 'x', more: 1 }),
    ).toEqual({ address: 'ada@contoso.example', objectId: id, displayName: 'Ada', host: 'x' });
    expect(parseHint({ address: 'no address', objectId: '../x', displayName: 'Ada' })).toEqual({
      displayName: 'Ada',
      host: '',
    });
  });

  test.each([undefined, null, 'ada', [], {}, { address: 1 }, { displayName: 'x'.repeat(257) }, { host: 'x' }])(
    '%j is none',
    (value) => expect(parseHint(value)).toBeUndefined(),
  );

  test('never throws, and what it lets through is short and clean', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (value) => {
        const hint = parseHint(value);
        if (hint?.address) expect(hint.address).toMatch(wholeAddress);
      }),
    );
    fc.assert(
      fc.property(fc.record({ address: fc.string(), displayName: fc.string(), objectId: fc.string() }), (value) => {
        const hint = parseHint(value);
        expect(hint?.address ?? 'a@b.cd').not.toMatch(/[\s<>,;"]/);
        expect((hint?.displayName ?? '').length).toBeLessThanOrEqual(256);
      }),
    );
  });

  test.each([
    ['ada@contoso.example', true],
    ['ömer.şahin@contoso.com.tr', true],
    ['ada_mail.example#EXT#@contoso.onmicrosoft.com', true],
    ['ada@contoso.examplebob@contoso.example', false],
    ['ada@contoso', false],
    ['ada lovelace@contoso.example', false],
    ['Ada <ada@contoso.example>', false],
    ['a@b.c,d@e.fg', false],
    ['ada@contoso.example\nx', false],
  ])('%s is a whole address: %s', (text, expected) => expect(wholeAddress.test(text)).toBe(expected));
});
