// A SCIM User while a Graph request changes it: puts single values where SCIM has lists of typed elements, and leaves
// alone whatever Graph does not see. What does not fit a property is Invalid; user-write.ts says so in Graph's words.

import { fold } from '../filter/fold.ts';
import { isText } from '../store/graph-attributes.ts';
import { type Element, isOfType, mailOf, type UserContent } from '../store/user-resource.ts';

/** A value that a property cannot have. */
export class Invalid extends Error {
  override readonly name = 'Invalid';
}

/**
 * A text of at most so many characters; undefined for null, which clears.
 * @throws Invalid
 */
export function text(value: unknown, most: number, form?: RegExp): string | undefined {
  if (value === null) return undefined;
  return isText(value, most, form) ? value : invalid();
}

/** @throws Invalid */
export function truth(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Invalid();
  return value;
}

/** The texts of a collection, each as `text` has it; it cannot be null. @throws Invalid */
export function element(value: unknown, mostValues: number, most: number, form?: RegExp): string[] {
  if (!Array.isArray(value) || value.length > mostValues) throw new Invalid();
  return value.map((one) => text(one, most, form) ?? invalid());
}

/** An object with no other members than these; null has none. @throws Invalid */
export function extended<N extends string>(value: unknown, names: readonly N[]): Partial<Record<N, unknown>> {
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new Invalid();
  if (
    Object.keys(value as object).some((name) => !(names as readonly string[]).includes(name) && !name.startsWith('@'))
  ) {
    throw new Invalid();
  }
  return value as Partial<Record<N, unknown>>;
}

function invalid(): never {
  throw new Invalid();
}

type Members = Record<string, unknown>;
type List = 'emails' | 'phoneNumbers' | 'addresses';

/** Changes a copy; `content` is what has become of it. */
export class Draft {
  readonly #content: Members;

  constructor(content: Partial<UserContent>) {
    this.#content = structuredClone(content) as Members;
  }

  get content(): Members {
    return this.#content;
  }

  /** Sets an attribute; undefined removes it. */
  set(name: string, value: unknown): void {
    if (value === undefined) delete this.#content[name];
    else this.#content[name] = value;
  }

  /** Sets a sub-attribute; a complex attribute with nothing in it is removed. */
  setIn(name: string, part: string, value: unknown): void {
    const members: Members = { ...(this.#content[name] as Members | undefined) };
    if (value === undefined) delete members[part];
    else members[part] = value;
    this.set(name, Object.keys(members).length > 0 ? members : undefined);
  }

  /** Sets a part of the first element of this type; an element that says nothing any more is removed. */
  setPart(name: List, type: string, part: string, value: unknown): void {
    const elements = this.#list(name);
    const at = elements.findIndex((one) => isOfType(one as Element, type));
    const one: Members = at === -1 ? { type } : { ...elements[at] };
    if (value === undefined) delete one[part];
    else one[part] = value;
    const empty = Object.keys(one).every((member) => member === 'type' || member === 'primary' || member === 'display');
    // A second number of this type must not take the place of the one that was cleared.
    const others =
      empty && name !== 'addresses' ? elements.filter((other) => !isOfType(other as Element, type)) : elements;
    if (empty) this.#setList(name, name === 'addresses' ? elements.filter((_other, index) => index !== at) : others);
    else
      this.#setList(
        name,
        at === -1 ? [...elements, one] : elements.map((other, index) => (index === at ? one : other)),
      );
  }

  /** Replaces all elements of this type; those that stay keep what else is said of them. */
  setAll(name: List, type: string, values: readonly string[]): void {
    const elements = this.#list(name);
    const there = elements.filter((one) => isOfType(one as Element, type));
    const kept = (value: string) => there.find((one) => fold(String(one.value ?? '')) === fold(value));
    const wanted = values.map((value) => ({ type, ...kept(value), value }));
    this.#setList(name, [...elements.filter((one) => !isOfType(one as Element, type)), ...wanted]);
  }

  /** Makes it the primary mailbox. The one that was becomes it; without any there is no mailbox. */
  setMail(value: string | undefined): void {
    const emails = this.#list('emails');
    const home = (one: Members) => isOfType(one as Element, 'home');
    if (value === undefined) {
      this.#setList('emails', emails.filter(home));
      return;
    }
    const same = emails.find((one) => !home(one) && fold(String(one.value ?? '')) === fold(value));
    const target = same ?? (mailOf({ emails } as unknown as UserContent) as Members | undefined);
    const primary = (one: Members): Members => {
      if (one === target) return { ...one, value, primary: true };
      const { primary: _primary, ...rest } = one;
      return rest;
    };
    const changed = emails.map(primary);
    this.#setList('emails', target ? changed : [...changed, { value, type: 'work', primary: true }]);
  }

  /** Member is what everybody is who is not a guest: another word for a member stays. */
  setUserType(value: string | undefined): void {
    const guest = fold(value ?? '') === 'guest';
    if (guest) this.set('userType', 'Guest');
    else if (fold(String(this.#content.userType ?? '')) === 'guest') this.set('userType', undefined);
  }

  #list(name: List): Members[] {
    return (this.#content[name] as Members[] | undefined) ?? [];
  }

  #setList(name: List, elements: readonly Members[]): void {
    this.set(name, elements.length > 0 ? elements : undefined);
  }
}
