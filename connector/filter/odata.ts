// OData's notation of expressions (OASIS OData 4.01 ABNF, commonExpr; URL conventions §5.1.1) by recursive descent: the
// whole grammar is recognised, so that what is no expression can be told from what is one and not answered here
// (odata-filter.ts decides that). The text is percent-decoded already. Keywords and functions are in any case.

import { instant } from './filter.ts';
import { filterLimits } from './scim.ts';

/** A literal as it was written. `other` is a kind that no property here has: duration, enumeration, geography … */
export type ODataLiteral =
  | { readonly type: 'string' | 'dateTime' | 'date' | 'guid' | 'other'; readonly value: string }
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'null'; readonly value: null };

/** A segment of a path: `otherMails`, `$count`, `@Core.Messages`, `Model.Best(…)`, `any(x:…)`. */
export interface Segment {
  readonly name: string;
  /** It is called, or has a key or options, in brackets. */
  readonly called?: true;
  /** Of any and all; absent: any(). */
  readonly lambda?: { readonly variable: string; readonly body: Expression };
}

export const comparisons = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const;
export type Comparison = (typeof comparisons)[number];

/** `at` is where it begins, in characters from 0. */
export type Expression = { readonly at: number } & (
  | { readonly kind: 'literal'; readonly literal: ODataLiteral }
  | { readonly kind: 'path'; readonly segments: readonly Segment[] }
  | { readonly kind: 'call'; readonly name: string; readonly parameters: readonly Expression[] }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not' | 'negate'; readonly operand: Expression }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'in'; readonly left: Expression; readonly list: readonly ODataLiteral[] }
  /** Arithmetic, `has`, JSON, aliases: nothing that is answered here. */
  | { readonly kind: 'beyond' }
);

/** Why an expression is not answered: it is none, it names what is not there, its types differ, or it is too much. */
export type ODataFault = 'syntax' | 'property' | 'types' | 'unsupported';

export class ODataError extends Error {
  override readonly name = 'ODataError';
  readonly fault: ODataFault;
  readonly position: number;

  constructor(fault: ODataFault, message: string, position: number) {
    super(message);
    this.fault = fault;
    this.position = position;
  }
}

const identifier = '[\\p{L}\\p{Nl}_][\\p{L}\\p{Nl}\\p{Nd}\\p{Mn}\\p{Mc}\\p{Pc}\\p{Cf}]{0,127}';
const nameAt = new RegExp(`${identifier}(?:\\.${identifier})*`, 'uy');
const annotationAt = new RegExp(`@${identifier}(?:\\.${identifier})*(?:#${identifier})?`, 'uy');
const stringAt = /'(?:[^']|'')*'/y;
const jsonStringAt = /"(?:[^"\\]|\\.)*"/sy;
const guidAt = /[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![\w-])/y;
const dateAt = /-?(?:0\d{3}|[1-9]\d{3,})-(?:0[1-9]|1[012])-(?:0[1-9]|[12]\d|3[01])/y;
const timeAt = /(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d{1,12})?)?/y;
const zoneAt = /Z|[+-](?:[01]\d|2[0-3]):[0-5]\d/iy;
const numberAt = /[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|INF|NaN)(?![\w.])/iy;
const spaceAt = /[ \t]+/y;
const plainWordAt = /[A-Za-z]+/y;

/** The functions of §5.1.1.5–§5.1.1.11; their parameters stand in order. */
const functions = new Set(
  `concat contains endswith indexof length startswith substring hassubset hassubsequence matchespattern tolower toupper
   trim date day fractionalseconds hour maxdatetime mindatetime minute month now second time totaloffsetminutes
   totalseconds year ceiling floor round cast isof geo.distance geo.intersects geo.length case`.split(/\s+/),
);
const logical = { and: new Set(['and']), or: new Set(['or']) };
const additive = new Set(['add', 'sub']);
const multiplicative = new Set(['mul', 'div', 'divby', 'mod']);
const relational = new Set<string>([...comparisons, 'has', 'in']);
/** Kinds of literals that are a word and a quoted text. */
const quotedKinds = new Set(['duration', 'binary', 'geography', 'geometry']);

/**
 * Reads a whole expression.
 * @throws ODataError syntax
 */
export function parseExpression(text: string): Expression {
  const parser = new Parser(text);
  const expression = parser.expression(0);
  parser.end();
  return expression;
}

/**
 * Reads a whole literal (primitiveLiteral).
 * @throws ODataError syntax
 */
export function parseLiteral(text: string): ODataLiteral {
  const parser = new Parser(text);
  const literal = parser.literal() ?? parser.fail();
  parser.end();
  return literal;
}

class Parser {
  #at = 0;
  /** The operator that stands behind the blanks at a place, if one does. */
  #next: { readonly at: number; readonly word: string | undefined; readonly end: number } = {
    at: -1,
    word: undefined,
    end: -1,
  };
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    if (text.length > filterLimits.characters) this.fail(filterLimits.characters);
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.fail();
  }

  fail(position = this.#at): never {
    const shown = this.#text.length > 200 ? `${this.#text.slice(0, 200)}…` : this.#text;
    throw new ODataError('syntax', `Syntax error at position ${position} in '${shown}'.`, position);
  }

  expression(depth: number): Expression {
    return this.#chain('or', () => this.#chain('and', () => this.#relation(depth)));
  }

  #chain(kind: 'and' | 'or', next: () => Expression): Expression {
    const at = this.#at;
    const parts = [next()];
    while (this.#operator(logical[kind])) parts.push(next());
    return parts.length === 1 ? (parts[0] as Expression) : { kind, parts, at };
  }

  #relation(depth: number): Expression {
    const at = this.#at;
    let left = this.#sum(depth);
    for (let word = this.#operator(relational); word; word = this.#operator(relational)) {
      if (word === 'in') left = this.#in(left, depth, at);
      else if (word === 'has') left = this.#beyond(at, this.#sum(depth));
      else left = { kind: 'compare', operator: word as Comparison, left, right: this.#sum(depth), at };
    }
    return left;
  }

  #sum(depth: number): Expression {
    return this.#arithmetic(additive, () => this.#arithmetic(multiplicative, () => this.#unary(depth)));
  }

  #arithmetic(words: ReadonlySet<string>, next: () => Expression): Expression {
    const at = this.#at;
    let left = next();
    while (this.#operator(words)) left = this.#beyond(at, next());
    return left;
  }

  #beyond(at: number, _read: Expression): Expression {
    return { kind: 'beyond', at };
  }

  #in(left: Expression, depth: number, at: number): Expression {
    const start = this.#at;
    if (this.#take('(')) {
      const list = this.#list();
      if (list) return { kind: 'in', left, list, at };
      this.#at = start;
    }
    // A collection, or one expression in brackets.
    return this.#beyond(at, this.#sum(depth));
  }

  /** The rest of `('a', 'b')`; undefined when it is something else in brackets. */
  #list(): ODataLiteral[] | undefined {
    const list: ODataLiteral[] = [];
    this.#space();
    if (this.#take(')')) return list;
    do {
      this.#space();
      const literal = this.literal();
      if (!literal) {
        if (list.length > 0) this.fail();
        return undefined;
      }
      list.push(literal);
      this.#space();
    } while (this.#take(','));
    return this.#take(')') ? list : undefined;
  }

  #unary(depth: number): Expression {
    if (depth > filterLimits.depth) {
      throw new ODataError('unsupported', 'The expression is nested too deeply.', this.#at);
    }
    const at = this.#at;
    const word = this.#peekWord();
    if (word === 'not') {
      this.#at += 3;
      const spaced = this.#space();
      if (spaced || this.#text[this.#at] === '(') return { kind: 'not', operand: this.#unary(depth + 1), at };
      this.#at = at;
    }
    const literal = this.literal();
    if (literal) return { kind: 'literal', literal, at };
    if (this.#take('-')) {
      this.#space();
      return { kind: 'negate', operand: this.#unary(depth + 1), at };
    }
    return this.#primary(depth, at);
  }

  #primary(depth: number, at: number): Expression {
    switch (this.#text[this.#at]) {
      case '(': {
        this.#at++;
        this.#space();
        const inner = this.expression(depth + 1);
        this.#space();
        if (!this.#take(')')) this.fail();
        return inner;
      }
      case '[':
      case '{':
        this.#json(depth + 1);
        return { kind: 'beyond', at };
      default:
        return this.#path(depth, at);
    }
  }

  // Paths and calls --------------------------------------------------------------------------------------------------

  #path(depth: number, at: number): Expression {
    const name = this.#name();
    const lower = name.toLowerCase();
    if (this.#text[this.#at] === '(') {
      if (lower === 'any' || lower === 'all') this.fail();
      if (functions.has(lower)) {
        const parameters = this.#parameters(depth + 1, lower === 'cast' || lower === 'isof');
        return this.#text[this.#at] === '/'
          ? this.#rest(depth, at, [{ name, called: true }])
          : { kind: 'call', name: lower, parameters, at };
      }
    }
    return this.#rest(depth, at, [this.#segment(name, depth)]);
  }

  #rest(depth: number, at: number, segments: Segment[]): Expression {
    while (this.#take('/')) segments.push(this.#segment(this.#name(), depth));
    // The name of a type leads to something of it; alone it is nothing.
    const last = segments.at(-1);
    if (last && !last.called && last.name.includes('.') && !last.name.startsWith('@')) this.fail();
    return { kind: 'path', segments, at };
  }

  #name(): string {
    const start = this.#at;
    if (this.#take('$')) {
      const word = this.#match(plainWordAt) ?? '';
      if (!['it', 'this', 'root', 'count', 'filter'].includes(word)) this.fail(start);
      return `$${word}`;
    }
    return this.#match(annotationAt) ?? this.#match(nameAt) ?? this.fail();
  }

  #segment(name: string, depth: number): Segment {
    if (this.#text[this.#at] !== '(') return name === '$filter' ? this.fail() : { name };
    const lower = name.toLowerCase();
    if (lower === 'any' || lower === 'all') return this.#lambda(lower, depth);
    this.#at++;
    this.#space();
    if (name === '$filter') this.expression(depth + 1);
    else if (name === '$count') this.#options(depth + 1);
    else if (this.#text[this.#at] !== ')') this.#arguments(depth + 1);
    this.#space();
    if (!this.#take(')')) this.fail();
    return { name, called: true };
  }

  #lambda(name: 'any' | 'all', depth: number): Segment {
    this.#at++;
    this.#space();
    if (name === 'any' && this.#take(')')) return { name, called: true };
    const variable = this.#match(nameAt) ?? this.fail();
    this.#space();
    if (variable.includes('.') || !this.#take(':')) this.fail();
    this.#space();
    const body = this.expression(depth + 1);
    this.#space();
    if (!this.#take(')')) this.fail();
    return { name, called: true, lambda: { variable, body } };
  }

  /** A key, or the named parameters of a function of the service. */
  #arguments(depth: number): void {
    do {
      this.#space();
      const start = this.#at;
      const named = this.#match(nameAt);
      this.#space();
      if (named === undefined || !this.#take('=')) this.#at = start;
      else this.#space();
      this.expression(depth);
      this.#space();
    } while (this.#take(','));
  }

  /** What may stand behind $count: `($filter=…;$search=…)`. */
  #options(depth: number): void {
    do {
      this.#space();
      if (!this.#take('$')) this.fail();
      const option = this.#match(plainWordAt);
      if (!this.#take('=')) this.fail();
      if (option === 'filter') this.expression(depth);
      else if (option === 'search') this.#match(/[^;)]+/y);
      else this.fail();
      this.#space();
    } while (this.#take(';'));
  }

  #parameters(depth: number, types: boolean): Expression[] {
    this.#at++;
    this.#space();
    const parameters: Expression[] = [];
    if (this.#take(')')) return parameters;
    do {
      this.#space();
      parameters.push((types && this.#type()) || this.expression(depth));
      this.#space();
      // case(Size gt 5:'large',true:'small')
      if (this.#take(':')) {
        this.#space();
        this.expression(depth);
        this.#space();
      }
    } while (this.#take(','));
    if (!this.#take(')')) this.fail();
    return parameters;
  }

  /** The name of a type, as cast and isof take one. */
  #type(): Expression | undefined {
    const at = this.#at;
    const name = this.#match(nameAt);
    this.#space();
    if (name !== undefined && /[,)]/.test(this.#text[this.#at] ?? '')) return { kind: 'beyond', at };
    this.#at = at;
    return undefined;
  }

  // JSON in expressions: values may be expressions themselves --------------------------------------------------------

  #json(depth: number): void {
    if (depth > filterLimits.depth) {
      throw new ODataError('unsupported', 'The expression is nested too deeply.', this.#at);
    }
    const close = this.#text[this.#at++] === '[' ? ']' : '}';
    this.#space();
    if (this.#take(close)) return;
    do {
      this.#space();
      if (close === '}') {
        if (this.#match(jsonStringAt) === undefined) this.fail();
        this.#space();
        if (!this.#take(':')) this.fail();
        this.#space();
      }
      if (this.#match(jsonStringAt) === undefined) this.expression(depth);
      this.#space();
    } while (this.#take(','));
    if (!this.#take(close)) this.fail();
  }

  // Literals ---------------------------------------------------------------------------------------------------------

  literal(): ODataLiteral | undefined {
    const start = this.#at;
    const string = this.#match(stringAt);
    if (string !== undefined) return { type: 'string', value: string.slice(1, -1).replaceAll("''", "'") };
    const guid = this.#match(guidAt);
    if (guid !== undefined) return { type: 'guid', value: guid.toLowerCase() };
    const time = /[-\d]/.test(this.#text[start] ?? '') ? (this.#date() ?? this.#timeOfDay()) : undefined;
    if (time) return time;
    const number = this.#match(numberAt);
    if (number !== undefined) return numberOf(number);
    // An alias (§5.3) stands for a value in another option.
    if (this.#text[this.#at] === '@') return this.#alias();
    return this.#wordLiteral(start);
  }

  #date(): ODataLiteral | undefined {
    const start = this.#at;
    const date = this.#match(dateAt);
    if (date === undefined) return undefined;
    if (this.#text[this.#at]?.toUpperCase() !== 'T') {
      if (!/[\w-]/.test(this.#text[this.#at] ?? '')) return { type: 'date', value: date };
      this.#at = start;
      return undefined;
    }
    this.#at++;
    const time = this.#match(timeAt) ?? this.fail();
    const zone = this.#match(zoneAt) ?? this.fail();
    if (/\w/.test(this.#text[this.#at] ?? '')) this.fail();
    return { type: 'dateTime', value: `${date}T${time}${zone.toUpperCase()}` };
  }

  #timeOfDay(): ODataLiteral | undefined {
    const value = this.#match(timeAt);
    return value === undefined ? undefined : { type: 'other', value };
  }

  #alias(): ODataLiteral | undefined {
    const start = this.#at;
    const name = this.#match(annotationAt) ?? this.fail();
    // In a path it is an annotation: that one leads on, or has a namespace.
    if (/[/.#]/.test(name) || this.#text[this.#at] === '/') {
      this.#at = start;
      return undefined;
    }
    return { type: 'other', value: name };
  }

  #wordLiteral(start: number): ODataLiteral | undefined {
    const word = this.#match(nameAt);
    if (word === undefined) return undefined;
    const next = this.#text[this.#at] ?? '';
    const lower = word.toLowerCase();
    if (next === "'" && (word.includes('.') || quotedKinds.has(lower))) {
      const value = this.#match(stringAt) ?? this.fail();
      return { type: 'other', value: `${word}${value}` };
    }
    if (next !== '/' && next !== '(') {
      if (lower === 'true' || lower === 'false') return { type: 'boolean', value: lower === 'true' };
      if (word === 'null') return { type: 'null', value: null };
      if (word === 'INF' || word === 'NaN') return { type: 'other', value: word };
    }
    this.#at = start;
    return undefined;
  }

  // Characters -------------------------------------------------------------------------------------------------------

  /** One of these words between blanks; a bracket may follow at once. */
  #operator(words: ReadonlySet<string>): string | undefined {
    // Every level of precedence asks at the same place.
    if (this.#next.at !== this.#at) this.#next = this.#nextOperator();
    const { word, end } = this.#next;
    if (word === undefined || !words.has(word)) return undefined;
    this.#at = end;
    return word;
  }

  #nextOperator(): { at: number; word: string | undefined; end: number } {
    const at = this.#at;
    const word = this.#space() ? this.#match(plainWordAt)?.toLowerCase() : undefined;
    const isWhole = word !== undefined && (this.#space() || this.#text[this.#at] === '(');
    const end = this.#at;
    this.#at = at;
    return { at, word: isWhole ? word : undefined, end };
  }

  #peekWord(): string | undefined {
    const before = this.#at;
    const word = this.#match(nameAt)?.toLowerCase();
    this.#at = before;
    return word;
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

  #space(): boolean {
    return this.#match(spaceAt) !== undefined;
  }
}

function numberOf(text: string): ODataLiteral {
  const value = Number(text);
  return Number.isFinite(value) ? { type: 'number', value } : { type: 'other', value: text };
}

/** What a dateTimeOffset or a date (midnight in UTC) says, in milliseconds since the epoch; NaN beyond what a Date holds. */
export function instantOf({ type, value }: ODataLiteral & { readonly type: 'dateTime' | 'date' }): number {
  if (type === 'date') return Date.parse(`${value}T00:00:00Z`);
  const whole = value.replace(/T(\d\d:\d\d)(?=Z|[+-])/, 'T$1:00').replace(/:60(?=[.Z+-])/, ':59.999');
  return instant(whole);
}
