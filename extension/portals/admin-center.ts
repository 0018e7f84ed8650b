// The Microsoft 365 admin center: Active users at `https://admin.cloud.microsoft/?#/users` and its older host. The list is
// a Fluent v8 DetailsList; a v9 DataGrid, which carries no column names in its markup, is understood as well.
// Everything here is public markup that automation scripts rely on; translated text is never matched.

import { buttonClass, objectIdOf, type Portal, wholeAddress } from './portal.ts';

const v8 = {
  row: '[data-automationid="DetailsRow"]',
  cell: '[role="gridcell"][data-automation-key], [role="rowheader"][data-automation-key]',
  name: '[data-automation-key="DisplayName" i]',
} as const;

const v9 = {
  row: '.fui-DataGridBody > [role="row"]',
  cell: '[role="gridcell"]:not(.fui-DataGridSelectionCell)',
} as const;

/** `#/users`, `#/users/:/adduser`, `#/users/:/UserDetails/<id>/Account`; not `#/usersmigration`, `#/deletedusers`. */
const usersRoute = /^#\/users(?![^/?])/i;
const detailsRoute = /^#\/users\/:\/userdetails\/([^/?]+)/i;

export const adminCenter: Portal = {
  name: 'admin-center',
  hosts: ['admin.microsoft.com', 'admin.cloud.microsoft'],
  isUsersPage: (url) => usersRoute.test(url.hash),
  row: `${v8.row}, ${v9.row}`,

  cell(row) {
    if (row.matches(v8.row)) return row.querySelector(v8.name);
    // Without column names, only a row that shows exactly one address is taken for a person's.
    return addressOf(row) === undefined ? null : row.querySelector(v9.cell);
  },

  displayName(cell) {
    // The cell's own link or button when it has one, else its first text: icons and badges may follow.
    const own = cell.querySelector(`[role="button"]:not(.${buttonClass}), a[href]`)?.textContent?.trim();
    return own || firstText(cell) || undefined;
  },

  hint(row, url) {
    const address = addressOf(row);
    const objectId = isOnlySelected(row) ? objectIdOf(detailsRoute.exec(url.hash)?.[1]) : undefined;
    const cell = adminCenter.cell(row);
    const displayName = cell ? adminCenter.displayName(cell) : undefined;
    return {
      ...(address === undefined ? {} : { address }),
      ...(objectId === undefined ? {} : { objectId }),
      ...(displayName === undefined ? {} : { displayName }),
    };
  },

  rovingFocus: (row) => row.matches(v8.row),
};

/** A cell's text without our button's. */
function textOf(cell: Element): string {
  let text = '';
  for (const child of cell.childNodes) {
    if (!(child as Partial<Element>).classList?.contains(buttonClass)) text += child.textContent ?? '';
  }
  return text.trim();
}

/**
 * The one address of a row: from cells that are a whole address each, because neighbouring texts run together
 * (“…@contoso.comMicrosoft 365 E3”). A column named after the sign-in name wins; of several others, none is sure.
 */
function addressOf(row: Element): string | undefined {
  const found = new Set<string>();
  for (const cell of row.querySelectorAll(row.matches(v8.row) ? v8.cell : v9.cell)) {
    const text = textOf(cell);
    if (!wholeAddress.test(text)) continue;
    if (/^(?:user(?:principal)?name|upn)$/i.test(cell.getAttribute('data-automation-key') ?? '')) return text;
    found.add(text);
  }
  return found.size === 1 ? [...found][0] : undefined;
}

function firstText(node: Node): string {
  for (const child of node.childNodes) {
    if ((child as Partial<Element>).classList?.contains(buttonClass)) continue;
    const text = child.nodeType === 3 ? (child.nodeValue ?? '').trim() : firstText(child);
    if (text) return text;
  }
  return '';
}

/** The id in the address is this row's only if the open details are: the page marks that row, and no other, as selected. */
function isOnlySelected(row: Element): boolean {
  if (row.getAttribute('aria-selected') !== 'true') return false;
  const grid = row.closest('[role="grid"]');
  return grid?.querySelectorAll('[role="row"][aria-selected="true"]').length === 1;
}
