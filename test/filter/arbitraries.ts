// Random texts and filters that meet often enough to say something.

import fc from 'fast-check';
import type { Field, Filter, Literal, Operator } from '../../connector/filter/filter.ts';
import { fieldOf, type ResourceType } from '../../connector/scim/attribute.ts';
import { start } from '../scim/scim-server.ts';

/** Letters that case folding, sorting and patterns get wrong; few, so that random texts meet. */
const letter = fc.constantFrom(
  ...['a', 'A', 'b', 'i', 'I', 'İ', 'ı', 'ß', 's', 'S', 'σ', 'ς', 'Σ', 'é', 'e\u0301', '%', '_', '\\', '"', "'", ' '],
  ...['\u{ff21}', '\u{1f600}', '\ue000', '\u{10ffff}', '\ud7ff', '\u212a'],
);
export const text = fc.array(letter, { minLength: 1, maxLength: 4 }).map((letters) => letters.join(''));
const instants = fc.integer({ min: -3, max: 3 }).map((step) => new Date(start + step * 1000).toISOString());

export function fieldFor(type: ResourceType, name: string, use: 'compare' | 'present' | 'some', parent?: Field): Field {
  const colon = name.lastIndexOf(':');
  const [attribute = '', sub] = name.slice(colon + 1).split('.');
  const path = { name: attribute, ...(colon > 0 ? { uri: name.slice(0, colon) } : {}), ...(sub ? { sub } : {}) };
  const field = fieldOf(type, path, use, parent);
  if (!field) throw new Error(name);
  return field;
}

const textOperators = fc.constantFrom<Operator[]>('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le');
const timeOperators = fc.constantFrom<Operator[]>('eq', 'ne', 'gt', 'ge', 'lt', 'le');
const exactOperators = fc.constantFrom<Operator[]>('eq', 'ne');

interface Side {
  readonly operator: fc.Arbitrary<Operator>;
  readonly value: fc.Arbitrary<Literal>;
}

function compared(field: Field, { operator, value }: Side) {
  const kind = fc.constant('compare' as const);
  const some = fc.record({ kind, field: fc.constant(field), operator, value });
  const none = fc.record({ kind, field: fc.constant(field), operator: exactOperators, value: fc.constant(null) });
  const present = fc.record({ kind: fc.constant('present' as const), field: fc.constant(field) });
  return fc.oneof({ weight: 5, arbitrary: some }, { weight: 1, arbitrary: none }, { weight: 1, arbitrary: present });
}

/** A name alone, or with the values to compare it with, where random ones would never be met. */
export type Name = string | readonly [string, fc.Arbitrary<string>];

function term(type: ResourceType, named: Name, parent?: Field): fc.Arbitrary<Filter> {
  const [name, values] = typeof named === 'string' ? [named, text] : named;
  const field = fieldFor(type, name, 'compare', parent);
  if (field.type === 'boolean') return compared(field, { operator: exactOperators, value: fc.boolean() });
  if (field.type === 'dateTime') return compared(field, { operator: timeOperators, value: instants });
  return compared(field, { operator: textOperators, value: values });
}

/** Trees over these attributes of a type; `elements` are those inside the brackets of multi-valued ones. */
export function trees(
  type: ResourceType,
  names: readonly Name[],
  elements: Readonly<Record<string, readonly Name[]>>,
): fc.Arbitrary<Filter> {
  const build = (leaf: fc.Arbitrary<Filter>) =>
    fc.letrec<{ tree: Filter }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.record({
          kind: fc.constantFrom('and' as const, 'or' as const),
          filters: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }),
        }),
        fc.record({ kind: fc.constant('not' as const), filter: tie('tree') }),
      ),
    })).tree;
  const within = Object.entries(elements).flatMap(([name, subs]): fc.Arbitrary<Filter>[] => {
    const field = fieldFor(type, name, 'some');
    const filter = build(fc.oneof(...subs.map((sub) => term(type, sub, field))));
    const present = fc.constant(fieldFor(type, name, 'present'));
    return [
      fc.record({ kind: fc.constant('some' as const), field: fc.constant(field), filter }),
      fc.record({ kind: fc.constant('present' as const), field: present }),
    ];
  });
  return build(fc.oneof(...names.map((name) => term(type, name)), ...within));
}
