// The tables of roles.ts as Markdown, for documentation and for whoever compares them with Microsoft's.

import { type Action, actingRoles, actions, resettingRoles, whoCanReset } from './roles.ts';

/** How rows are called that are no roles. */
const rowNames: Partial<Record<keyof typeof whoCanReset, string>> = {
  none: 'no role',
  roleAssignableGroupMemberOrOwner: 'member or owner of a role-assignable group',
  restrictedManagementAdministrativeUnitRole: 'a role over a restricted management administrative unit',
  anyOtherRole: 'any other role, built-in or custom',
};

/** "Who can reset passwords": a row for what the person holds, a column for each role that resets. */
export function matrixAsMarkdown(): string {
  const rows = Object.entries(whoCanReset).map(([row, cells]) => [
    rowNames[row as keyof typeof whoCanReset] ?? row,
    ...cells.map(marked),
  ]);
  return table(['Whose password', ...resettingRoles], rows);
}

const reach = {
  reset: 'whom the role can reset',
  anybody: 'anybody',
  nobody: '',
} as const satisfies Record<(typeof actions)[Action]['whom'], string>;

/** Who may do what, to whom, and whether to oneself. */
export function actionsAsMarkdown(): string {
  const rows = Object.entries(actions).map(([action, { by, whom, self }]) => [
    action,
    ...by.map(marked),
    reach[whom],
    marked(self),
  ]);
  return table(['Action', ...actingRoles, 'To whom', 'To oneself'], rows);
}

function marked(yes: boolean): string {
  return yes ? 'yes' : '';
}

/** Cells are padded, so that it is a table as text, too. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, at) => Math.max(text.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(head), rule, ...rows.map(line), ''].join('\n');
}
