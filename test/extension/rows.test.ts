// One button for each row, whatever the page does to its rows. How it looks and when it is painted is for the browser
// to say (test/e2e/rows.test.ts).

import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { adminCenter } from '../../extension/portals/admin-center.ts';
import { buttonClass } from '../../extension/portals/portal.ts';
import { stamper } from '../../extension/rows.ts';
import { rowMessages } from '../../shared/messages/row.ts';
import { v8Grid, v9Grid } from './markup.ts';

const { faint, ...words } = rowMessages.en;
const en = { ...words, lang: 'en' };

function page(html: string) {
  const document = parseHTML(`<!doctype html><body>${html}</body>`).document as unknown as Document;
  const rows = [...document.querySelectorAll(adminCenter.row)];
  const buttons = () => [...document.querySelectorAll(`.${buttonClass}`)];
  return { document, rows, buttons, stamp: stamper(document, adminCenter, en) };
}

test('a row gets one button, last in the display name’s cell, with the person’s name', () => {
  const { rows, buttons, stamp } = page(v8Grid([{ name: 'Ada Lovelace', address: 'ada@contoso.example' }]));
  rows.forEach(stamp);
  const [button] = buttons();
  expect(buttons()).toHaveLength(1);
  expect(button?.parentElement?.getAttribute('data-automation-key')).toBe('DisplayName');
  expect(button?.parentElement?.lastElementChild).toBe(button);
  expect(button?.getAttribute('aria-label')).toBe('Reset & resend – Ada Lovelace');
  expect(button?.textContent).toBe('Reset & resend');
  expect(button?.getAttribute('type')).toBe('button');
  // The list moves the focus with the arrow keys; five thousand Tab stops would be a trap.
  expect(button?.getAttribute('tabindex')).toBe('-1');
  expect(button?.getAttribute('data-is-focusable')).toBe('true');
});

test('a button is faint, and says why, when the last sign-in showed no role for it', () => {
  const { document, rows, buttons, stamp } = page(v8Grid([{ name: 'Ada Lovelace', address: 'ada@contoso.example' }]));
  rows.forEach(stamp);
  expect(buttons()[0]?.hasAttribute('data-faint')).toBe(false);
  buttons()[0]?.remove();
  rows.forEach(stamper(document, adminCenter, { ...en, faint }));
  expect(buttons()[0]?.hasAttribute('data-faint')).toBe(true);
  expect(buttons()[0]?.getAttribute('title')).toContain(faint);
  // Only a hint, which may be out of date: what it is called, and that it can be pressed, stays.
  expect(buttons()[0]?.getAttribute('aria-label')).toBe('Reset & resend – Ada Lovelace');
  expect(buttons()[0]?.hasAttribute('disabled')).toBe(false);
});

test('in a grid without a focus of its own the button is a Tab stop', () => {
  const { rows, buttons, stamp } = page(v9Grid([['Ada', 'ada@contoso.example']]));
  rows.forEach(stamp);
  expect(buttons()[0]?.hasAttribute('tabindex')).toBe(false);
});

test('a recycled row keeps its button and changes its label', () => {
  const { rows, buttons, stamp } = page(v8Grid([{ name: 'Ada' }]));
  rows.forEach(stamp);
  const before = buttons()[0];
  const name = rows[0]?.querySelector('[role="button"]');
  if (name) name.textContent = 'Grace';
  rows.forEach(stamp);
  expect(buttons()).toEqual([before]);
  expect(before?.getAttribute('aria-label')).toBe('Reset & resend – Grace');
});

test('a row that stops being a person’s loses its button', () => {
  const { rows, buttons, stamp } = page(v8Grid([{ name: 'Ada' }]));
  rows.forEach(stamp);
  rows[0]?.querySelector('[data-automation-key]')?.setAttribute('data-automation-key', 'DeviceName');
  rows.forEach(stamp);
  expect(buttons()).toEqual([]);
});

test('every language’s accessible name begins with what is seen (WCAG 2.5.3)', () => {
  for (const words of Object.values(rowMessages)) expect(words.labelFor('Ada').startsWith(words.label)).toBe(true);
});

test('whatever is done to the rows, each person’s row ends with one true button', () => {
  const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.trim() === text && text !== '');
  const deed = fc.oneof(
    fc.record({ row: fc.nat(4), deed: fc.constant('rename' as const), name }),
    fc.record({ row: fc.nat(4), deed: fc.constantFrom('wipe', 'duplicate', 'restamp', 'clone'), name }),
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 12 }), (deeds) => {
      const { document, stamp } = page(v8Grid(['A', 'B', 'C', 'D', 'E'].map((each) => ({ name: each }))));
      const rows = () => [...document.querySelectorAll(adminCenter.row)];
      rows().forEach(stamp);
      for (const { row: index, deed: what, name: next } of deeds) {
        const row = rows()[index];
        const cell = row?.querySelector('[data-automation-key="DisplayName"]');
        if (!row || !cell) continue;
        if (what === 'wipe') cell.textContent = next;
        if (what === 'rename') (cell.querySelector('[role="button"]') ?? cell).textContent = next;
        if (what === 'duplicate') cell.append(cell.lastElementChild?.cloneNode(true) ?? '');
        if (what === 'clone') row.replaceWith(row.cloneNode(true));
        rows().forEach(stamp);
      }
      for (const row of rows()) {
        const cell = adminCenter.cell(row);
        const shown = cell ? adminCenter.displayName(cell) : undefined;
        const own = [...row.querySelectorAll(`.${buttonClass}`)];
        expect(own.map((button) => button.getAttribute('aria-label'))).toEqual([en.labelFor(shown ?? '')]);
      }
    }),
    { numRuns: 60 },
  );
});
