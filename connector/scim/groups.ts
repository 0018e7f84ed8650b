// /Groups: the table of group.ts over the store's groups. Members never pass through the resource: a body's are read
// into ids, a PATCH's into changes of rows, and they are looked up only for an answer that shows them.

import { Problem } from '#shared/problem.ts';
import type { Filter } from '../filter/filter.ts';
import type { Tx, Work } from '../sql/sql.ts';
import {
  createGroup,
  deleteGroup,
  eachMember,
  type GroupContent,
  type MemberChange,
  readGroup,
  updateGroup,
} from '../store/groups.ts';
import { type StoredResource, sending } from '../store/resource.ts';
import { groupSource } from '../store/source.ts';
import type { ResourceType } from './attribute.ts';
import type { Collection, View } from './collection.ts';
import { elementOf, patchResource, type RowsOperation } from './patch.ts';
import { type JsonObject, readResource, readValue } from './resource.ts';

export function groupCollection(type: ResourceType): Collection {
  const read = (body: unknown, current?: GroupContent) => {
    const { members, ...content } = readResource<GroupContent>(type, body, current);
    return { content: content as GroupContent, members: idsOf(members) };
  };
  return {
    type,
    patchAnswers: 'nothing',
    source: groupSource,
    prepare: async () => undefined,
    preparePatch: async () => undefined,
    create(tx, { tenant, by }, id, body) {
      const { content, members } = read(body);
      return createGroup(tx, tenant, id, content, members, by);
    },
    read: readGroup,
    replace: (tx, { tenant, by }, id, body, match) =>
      updateGroup(
        tx,
        tenant,
        id,
        (current) => {
          const { content, members } = read(body, current);
          return { content, members: [{ op: 'replace', ids: members }] };
        },
        by,
        match,
      ),
    patch: (tx, { tenant, by }, id, patch, match) =>
      updateGroup(
        tx,
        tenant,
        id,
        (current) => {
          const members: MemberChange[] = [];
          const content = patchResource(type, current, patch, (operation) => members.push(...changesOf(operation)));
          return { content, members };
        },
        by,
        match,
      ),
    remove: (tx, { tenant, by }, id, match) => deleteGroup(tx, tenant, id, by, match),
    texts: groupTexts,
  };
}

// Members in ----------------------------------------------------------------------------------------------------

function idsOf(members: unknown): string[] {
  return ((members ?? []) as JsonObject[]).map(({ value }) => String(value));
}

/** An operation of a PATCH on `members` as changes of rows (RFC 7644 §3.5.2). @throws Problem mutability, noTarget */
function changesOf({ op, attribute, filter, sub, value }: RowsOperation): MemberChange[] {
  const fixed = `members${sub ? `.${sub.name}` : ''}`;
  const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? [value] : value;
  const ids = () => idsOf(readValue(attribute, typeof given === 'string' ? [given] : given, 'members'));
  // RFC 7643 §4.2: "sub-attributes of members are immutable". Who is added by `members.value` is added.
  if (sub && !(sub.name === 'value' && op === 'add' && !filter)) {
    // §3.5.2.3: where a replace matches nothing there is nothing that could not be changed.
    if (op === 'replace' && filter) return [{ op: 'expect', filter, fixed }];
    throw new Problem('mutability', { attribute: fixed });
  }
  if (!filter) {
    if (op === 'add') return [{ op: 'add', ids: ids() }];
    if (op === 'replace') return [{ op: 'replace', ids: ids() }];
    // Entra removes members by listing them; a strict reader would empty the group. An empty list names nobody.
    return value === undefined || value === null ? [{ op: 'clear' }] : [{ op: 'remove', ids: ids() }];
  }
  const named = namedIn(filter);
  if (op === 'remove') return [named ? { op: 'remove', ids: named } : { op: 'removeMatching', filter }];
  // Adding what the filter itself names is adding a member: members[value eq "…"].
  const element = elementOf(filter);
  if (op === 'add' && typeof element?.value === 'string') return [{ op: 'add', ids: [element.value] }];
  const same = ids().every((id) => named?.includes(id));
  return [{ op: 'expect', filter, ...(same ? {} : { fixed }) }];
}

/** The ids that a filter names, when it does nothing else: `value eq "a" or value eq "b"`. */
function namedIn(filter: Filter): string[] | undefined {
  if (filter.kind === 'or') {
    const parts = filter.filters.map(namedIn);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }
  const isId = filter.kind === 'compare' && filter.operator === 'eq' && filter.field.path === 'value';
  return isId && typeof filter.value === 'string' ? [filter.value] : undefined;
}

// Members out ---------------------------------------------------------------------------------------------------

function* groupTexts(tx: Tx, tenant: string, found: readonly StoredResource[], { base, shows }: View): Work<string[]> {
  const withMembers = shows('members');
  const sent = sending(`${base}/Groups`);
  const texts: string[] = [];
  for (const stored of found) {
    const members: string[] = [];
    if (withMembers) {
      yield* eachMember(tx, tenant, stored.id, ({ value, type, display }) => {
        const $ref = `${base}/${type}s/${value}`;
        members.push(JSON.stringify({ value, $ref, type, display }));
      });
    }
    texts.push(sent(stored.id, stored.text, members.length > 0 ? `,"members":[${members.join(',')}]` : ''));
  }
  return texts;
}
