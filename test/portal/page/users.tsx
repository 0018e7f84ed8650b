/** @jsxImportSource react */
// Active users: the real DetailsList with the column keys and attributes of the real page, sorting, search, filter, and
// the details of a person beside it.

import { CommandBar } from '@fluentui/react/lib/CommandBar';
import {
  CheckboxVisibility,
  ConstrainMode,
  DetailsList,
  DetailsListLayoutMode,
  type IColumn,
  Selection,
  SelectionMode,
} from '@fluentui/react/lib/DetailsList';
import { Icon } from '@fluentui/react/lib/Icon';
import { SearchBox } from '@fluentui/react/lib/SearchBox';
import { useEffect, useMemo, useState } from 'react';
import { Details } from './details.tsx';
import { arrange, type Column, fields, type PortalPerson, type Shown, type Sorting } from './people.ts';

const query = new URLSearchParams(location.search);

const columns = [
  { key: 'DisplayName', name: 'Display name', minWidth: 160, maxWidth: 380 },
  { key: 'Username', name: 'Username', minWidth: 160, maxWidth: 320 },
  { key: 'Licenses', name: 'Licenses', minWidth: 120, maxWidth: 320 },
] as const satisfies readonly { key: Column; name: string; minWidth: number; maxWidth: number }[];

const filters = { all: 'All users', licensed: 'Licensed users', unlicensed: 'Unlicensed users' } as const;

function usePeople(asked: number): readonly PortalPerson[] | undefined {
  const [people, setPeople] = useState<readonly PortalPerson[]>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` counts the presses of Refresh
  useEffect(() => {
    let late = false;
    fetch(`/people.json?rows=${query.get('rows') ?? ''}`)
      .then((answer) => answer.json())
      .then((found) => late || setPeople(found));
    return () => {
      late = true;
    };
  }, [asked]);
  return people;
}

/** `#/users/:/UserDetails/<id>` */
function openIn(route: string): string | undefined {
  return /^#\/users\/:\/userdetails\/([^/?]+)/i.exec(route)?.[1];
}

function showDetails(person: PortalPerson): void {
  // Counted for the tests: a press on the extension's button must not come through to the row.
  const { dataset } = document.documentElement;
  dataset.invoked = String(Number(dataset.invoked ?? 0) + 1);
  location.hash = `#/users/:/UserDetails/${person.id}`;
}

export function Users({ route }: { route: string }) {
  const [asked, setAsked] = useState(0);
  const [search, setSearch] = useState('');
  const [shown, setShown] = useState<Shown>('all');
  const [hidden, setHidden] = useState(false);
  const [sorting, setSorting] = useState<Sorting>({ column: 'DisplayName', descending: false });
  const people = usePeople(asked);
  const items = useMemo(() => arrange(people ?? [], search, shown, sorting), [people, search, shown, sorting]);
  const selection = useMemo(
    () => new Selection({ getKey: (item) => (item as PortalPerson).id, selectionMode: SelectionMode.multiple }),
    [],
  );
  const details = openIn(route);

  // As in the real page, the person whose details are open is the selected one.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the selection knows nobody before the people have come
  useEffect(() => {
    selection.setAllSelected(false);
    if (details) selection.setKeySelected(details, true, false);
  }, [details, people, selection]);

  const listed: IColumn[] = columns
    .filter(({ key }) => !(hidden && key === 'Username'))
    .map((column) => ({
      ...column,
      isResizable: true,
      isRowHeader: column.key === 'DisplayName',
      isSorted: sorting.column === column.key,
      isSortedDescending: sorting.descending,
      onColumnClick: () =>
        setSorting({ column: column.key, descending: sorting.column === column.key && !sorting.descending }),
      onRender: (person: PortalPerson) =>
        column.key === 'DisplayName' ? <Name person={person} /> : fields[column.key](person),
    }));

  return (
    <>
      <p className="crumbs">Home › Active users</p>
      <h1>Active users</h1>
      <div className="commands">
        <CommandBar
          className="command-bar"
          items={[
            { key: 'refresh', text: 'Refresh', iconProps: { iconName: 'Refresh' }, onClick: () => setAsked(asked + 1) },
            {
              key: 'filter',
              text: filters[shown],
              iconProps: { iconName: 'Filter' },
              subMenuProps: {
                items: (Object.keys(filters) as Shown[]).map((key) => ({
                  key,
                  text: filters[key],
                  onClick: () => setShown(key),
                })),
              },
            },
            {
              key: 'username',
              text: hidden ? 'Show usernames' : 'Hide usernames',
              onClick: () => setHidden(!hidden),
            },
          ]}
        />
        <SearchBox
          className="search"
          placeholder="Search active users list"
          data-automation-id="UserListV2,CommandBarSearchInputBox"
          value={search}
          onChange={(_, text) => setSearch(text ?? '')}
        />
      </div>
      <div className="list" data-is-scrollable="true">
        <DetailsList
          ariaLabelForGrid="Active users"
          items={items}
          columns={listed}
          selection={selection}
          selectionMode={SelectionMode.multiple}
          checkboxVisibility={CheckboxVisibility.always}
          layoutMode={DetailsListLayoutMode.justified}
          constrainMode={ConstrainMode.unconstrained}
          setKey="people"
          {...(query.has('keyless') ? {} : { getKey: (person: PortalPerson) => person.id })}
          {...(query.has('all') ? { onShouldVirtualize: () => false } : {})}
          onItemInvoked={showDetails}
          ariaLabelForSelectionColumn="Select"
          checkButtonAriaLabel="Select"
        />
        {people && items.length === 0 ? <p className="none">No one matches.</p> : null}
      </div>
      <Details person={people?.find(({ id }) => id === details)} />
    </>
  );
}

function Name({ person }: { person: PortalPerson }) {
  return (
    <div className="name">
      {/* biome-ignore lint/a11y/useSemanticElements: the markup of the real page */}
      <span
        role="button"
        tabIndex={-1}
        data-is-focusable="true"
        title={person.displayName}
        onClick={() => showDetails(person)}
        onKeyDown={(event) => event.key === 'Enter' && showDetails(person)}
      >
        {person.displayName}
      </span>
      <button
        type="button"
        className="row-action"
        title="Reset a password"
        data-is-focusable="true"
        tabIndex={-1}
        onClick={() => showDetails(person)}
      >
        <Icon iconName="Lock" />
      </button>
    </div>
  );
}
