// SCIM's notation of filters and PATCH paths (RFC 7644 §3.4.2.2 Figure 1, §3.5.2 Figure 7), both ways. One grammar for
// both, by recursive descent; what is not a filter is refused with the position of the character that is wrong.

import { Problem } from '#shared/problem.ts';
import { type Field, type Filter, instant, type Literal, type Operator, operators } from './filter.ts';

/** An attribute as it was written; names in any case, `uri` without the last colon (RFC 7644 §3.10). */
export interface AttributePath {
  readonly uri?: string;
  readonly name: string;
  readonly sub?: string;
}

/** What the name is needed for: a value to compare, any value, or elements to look into. */
export type Use = 'compare' | 'present' | 'some';
/** Finds the attribute, inside the elements of `parent` if there is one; undefined: there is none of this use. */
export type Resolve = (path: AttributePath, use: Use, parent?: Field) => Field | undefined;

/** PATH = attrPath / valuePath [subAttr] */
export interface PatchPath {
  readonly attribute: AttributePath;
  readonly filter?: Filter;
  readonly sub?: string;
}

/** Bounds of one filter, so that parsing and the statement that comes of it stay small. */
export const filterLimits = { characters: 8192, depth: 32, terms: 256 } as const;

/**
 * Parses a filter.
 * @throws Problem invalidFilter with `position` (characters from 0) and `reason`
 */
export function parseFilter(text: string, resolve: Resolve): Filter {
  const parser = new Parser(text, resolve, 'invalidFilter');
  const filter = parser.or(0);
  parser.end();
  return filter;
}

/**
 * Parses the path of a PATCH operation. `resolve` is asked for the names inside the brackets, and for the attribute before
 * them with use `some`.
 * @throws Problem invalidPath, or invalidFilter for what stands in the brackets
 */
export function parsePath(text: string, resolve: Resolve): PatchPath {
  const parser = new Parser(text, resolve, 'invalidPath');
  const path = parser.path();
  parser.end();
  return path;
}

// Keywords are case-insensitive (RFC 7644 §3.4.2.2), as names are.
const wordAt = /[A-Za-z$][A-Za-z0-9_$.:-]*/y;
const numberAt = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// Everything up to the closing quote; what stands between is left to JSON.parse.
const stringAt = /"(?:[^"\\]|\\.)*"/y;
// The grammar has the space alone; the standard itself wraps its filters (RFC 7644 Figure 2).
const spacesAt = /[ \t\r\n]+/y;
const attributeName = /^[A-Za-z$][A-Za-z0-9_-]*$/;
export const dateTime = /^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?$/;

class Parser {
  #at = 0;
  #terms = 0;
  /** Between the brackets of a path (RFC 7644 Table 9: what is wrong there is invalidFilter). */
  #inBrackets = false;
  readonly #text: string;
  readonly #resolve: Resolve;
  readonly #code: 'invalidFilter' | 'invalidPath';

  constructor(text: string, resolve: Resolve, code: 'invalidFilter' | 'invalidPath') {
    this.#text = text;
    this.#resolve = resolve;
    this.#code = code;
    if (text.length > filterLimits.characters) this.#refuse('it is too long', filterLimits.characters);
  }

  or(depth: number, parent?: Field): Filter {
    return this.#chain('or', () => this.#chain('and', () => this.#unary(depth, parent)));
  }

  path(): PatchPath {
    this.#space();
    const start = this.#at;
    const attribute = this.#attribute();
    if (!this.#take('[')) return { attribute };
    const parent = this.#found(attribute, 'some', start);
    this.#inBrackets = true;
    const filter = this.or(1, parent);
    this.#space();
    if (!this.#take(']')) this.#refuse('a “]” is missing');
    this.#inBrackets = false;
    if (!this.#take('.')) return { attribute, filter };
    const sub = this.#match(wordAt) ?? '';
    if (!attributeName.test(sub)) this.#refuse('a sub-attribute is missing');
    return { attribute, filter, sub };
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.#refuse('nothing more was expected');
  }

  #chain(kind: 'and' | 'or', next: () => Filter): Filter {
    const filters = [next()];
    while (this.#keyword(kind)) filters.push(next());
    return filters.length === 1 ? (filters[0] as Filter) : { kind, filters };
  }

  #unary(depth: number, parent: Field | undefined): Filter {
    if (depth > filterLimits.depth) this.#refuse('it is nested too deeply');
    this.#space();
    if (this.#take('(')) return this.#group(depth, parent);
    const before = this.#at;
    if (this.#keyword('not')) {
      this.#space();
      if (this.#take('(')) return { kind: 'not', filter: this.#group(depth, parent) };
      this.#at = before;
    }
    return this.#expression(depth, parent);
  }

  #group(depth: number, parent: Field | undefined): Filter {
    const filter = this.or(depth + 1, parent);
    this.#space();
    if (!this.#take(')')) this.#refuse('a “)” is missing');
    return filter;
  }

  #expression(depth: number, parent: Field | undefined): Filter {
    if (++this.#terms > filterLimits.terms) this.#refuse('it has too many terms');
    const start = this.#at;
    const path = this.#attribute();
    if (!this.#take('[')) return this.#attributeExpression(path, start, parent);
    if (parent) this.#refuse('brackets cannot stand inside brackets', this.#at - 1);
    const field = this.#found(path, 'some', start);
    const filter = this.or(depth + 1, field);
    this.#space();
    if (!this.#take(']')) this.#refuse('a “]” is missing');
    if (!this.#take('.')) return { kind: 'some', field, filter };
    // Entra matches by emails[type eq "work"].value eq "…", which the grammar lacks: one element fits both.
    const subAt = this.#at;
    const after = this.#attributeExpression(this.#attribute(), subAt, field);
    return { kind: 'some', field, filter: { kind: 'and', filters: [filter, after] } };
  }

  /** attrExp: what follows the name of an attribute. */
  #attributeExpression(path: AttributePath, start: number, parent: Field | undefined): Filter {
    this.#space();
    const operatorAt = this.#at;
    const operator = (this.#match(wordAt) ?? '').toLowerCase();
    if (operator === 'pr') return { kind: 'present', field: this.#found(path, 'present', start, parent) };
    if (!(operators as readonly string[]).includes(operator)) this.#refuse('an operator was expected', operatorAt);
    this.#space();
    const valueAt = this.#at;
    const literal = this.#literal();
    const field = this.#found(path, 'compare', start, parent);
    return { kind: 'compare', field, ...this.#fitting(field, operator as Operator, literal, operatorAt, valueAt) };
  }

  #attribute(): AttributePath {
    const start = this.#at;
    const word = this.#match(wordAt) ?? '';
    const colon = word.lastIndexOf(':');
    const [name = '', sub, ...more] = word.slice(colon + 1).split('.');
    const good = attributeName.test(name) && (sub === undefined || attributeName.test(sub)) && more.length === 0;
    if (!good) this.#refuse('an attribute was expected', start);
    return { name, ...(colon > 0 ? { uri: word.slice(0, colon) } : {}), ...(sub === undefined ? {} : { sub }) };
  }

  #found(path: AttributePath, use: Use, at: number, parent?: Field): Field {
    return this.#resolve(path, use, parent) ?? this.#refuse(`it cannot be filtered by “${path.name}”`, at);
  }

  #literal(): Literal {
    const start = this.#at;
    const text = this.#match(stringAt) ?? this.#match(numberAt) ?? this.#match(wordAt);
    let value: unknown;
    try {
      value = JSON.parse(text ?? '');
    } catch {
      this.#refuse('a value was expected: text in double quotes, a number, true, false or null', start);
    }
    // PostgreSQL has no NUL and no lone surrogates in text, and no attribute can have them.
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
      this.#refuse('the text has characters that no attribute can have', start);
    }
    if (typeof value === 'number' && !Number.isFinite(value)) this.#refuse('the number is too large', start);
    return value as Literal;
  }

  /** The comparison, if RFC 7644 Table 3 has it for this type. */
  #fitting(field: Field, operator: Operator, literal: Literal, operatorAt: number, valueAt: number) {
    const text = field.type !== 'boolean' && field.type !== 'integer' && field.type !== 'decimal';
    const exact = operator === 'eq' || operator === 'ne';
    if (literal === null && !exact) this.#refuse('null can only be equal or not equal', valueAt);
    const part = operator === 'co' || operator === 'sw' || operator === 'ew';
    const unordered = field.type === 'boolean' || field.type === 'binary';
    if ((part && (!text || field.type === 'dateTime')) || (!part && !exact && unordered)) {
      this.#refuse(`“${operator}” cannot be used with an attribute of this type`, operatorAt);
    }
    let value = literal;
    // Entra sends booleans as text: roles[primary eq "True"]
    if (field.type === 'boolean' && typeof value === 'string' && /^(true|false)$/i.test(value)) {
      value = value.toLowerCase() === 'true';
    }
    const wanted = field.type === 'boolean' ? 'boolean' : text ? 'string' : 'number';
    if (value !== null && typeof value !== wanted)
      this.#refuse('the value has another type than the attribute', valueAt);
    const isTime = dateTime.test(String(value)) && !Number.isNaN(instant(String(value)));
    if (field.type === 'dateTime' && value !== null && !isTime) {
      this.#refuse('the value is not a dateTime like 2011-05-13T04:42:34Z', valueAt);
    }
    return { operator, value };
  }

  #keyword(word: string): boolean {
    const before = this.#at;
    this.#space();
    const start = this.#at;
    if (
      (this.#match(wordAt) ?? '').toLowerCase() === word &&
      (word === 'not' || start > before || this.#closed(start))
    ) {
      return true;
    }
    this.#at = before;
    return false;
  }

  /** `(a eq 1)and(b eq 2)`: a bracket or quote separates as well as a space. */
  #closed(at: number): boolean {
    return /[)\]"]/.test(this.#text[at - 1] ?? '');
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    this.#match(spacesAt);
  }

  #refuse(reason: string, position = this.#at): never {
    if (this.#code === 'invalidPath' && !this.#inBrackets) {
      throw new Problem('invalidPath', { path: this.#text.slice(0, 100), position, reason });
    }
    throw new Problem('invalidFilter', { position, reason });
  }
}

/** Writes a filter so that `parseFilter` reads the same tree again. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'compare':
      return `${filter.field.path} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case 'present':
      return `${filter.field.path} pr`;
    case 'some':
      return `${filter.field.path}[${printFilter(filter.filter)}]`;
    case 'not':
      return `not (${printFilter(filter.filter)})`;
    case 'and':
      return filter.filters.map((part) => grouped(part, part.kind === 'and' || part.kind === 'or')).join(' and ');
    case 'or':
      return filter.filters.map((part) => grouped(part, part.kind === 'or')).join(' or ');
  }
}

function grouped(filter: Filter, brackets: boolean): string {
  return brackets ? `(${printFilter(filter)})` : printFilter(filter);
}
