// Rows as the admin center writes them, reduced to what its public automation scripts and our probe of Fluent show.

/** A Fluent v8 DetailsRow: `cell` is the inside of the display name's cell. */
export function v8Row({
  cell,
  more = '',
  selected = false,
}: {
  cell: string;
  more?: string;
  selected?: boolean;
}): string {
  return `<div role="row" class="ms-DetailsRow" data-automationid="DetailsRow" aria-selected="${selected}">
    <div role="gridcell" data-selection-toggle="true"><div role="radio"></div></div>
    <div class="ms-DetailsRow-fields" data-automationid="DetailsRowFields" role="presentation">
      <div role="rowheader" class="ms-DetailsRow-cell" data-automation-key="DisplayName">${cell}</div>${more}
    </div></div>`;
}

/** A whole list of v8 rows. */
export function v8Grid(people: readonly { name: string; address?: string; selected?: boolean }[]): string {
  const rows = people.map(({ name, address, selected = false }) =>
    v8Row({
      selected,
      cell: `<div class="name"><span role="button" title="${name}">${name}</span><button title="Reset a password"></button></div>`,
      more: address
        ? `<div role="gridcell" class="ms-DetailsRow-cell" data-automation-key="Username">${address}</div>
           <div role="gridcell" class="ms-DetailsRow-cell" data-automation-key="Licenses">Microsoft 365 E3</div>`
        : '',
    }),
  );
  return `<div role="grid">${rows.join('')}</div>`;
}

/** A Fluent v9 DataGrid: no column keys anywhere. */
export function v9Grid(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `<div role="row" class="fui-DataGridRow">
    <div role="gridcell" class="fui-DataGridSelectionCell"><input type="checkbox"></div>
    ${cells.map((text) => `<div role="gridcell" class="fui-DataGridCell"><div>${text}</div></div>`).join('')}</div>`;
  return `<div role="grid" class="fui-DataGrid"><div role="rowgroup" class="fui-DataGridBody">${rows.map(line).join('')}</div></div>`;
}
