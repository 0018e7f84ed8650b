// The resources of one type, as the door serves them: the table that describes them, and the store that keeps them.
// Endpoints, Bulk, root queries and discovery know resources by this interface alone; another type is another entry.

import type { Tx, Work } from '../sql/sql.ts';
import type { Source } from '../store/source.ts';
import type { Stamp } from '../store/users.ts';
import type { ResourceType } from './attribute.ts';
import type { PatchRequest } from './patch-request.ts';

/** A resource as it is kept. `text` is for its own collection only: `texts` makes of it what is sent. */
export interface Stored {
  readonly id: string;
  readonly text: string;
  /** 1 for a new one, one more with each change; `etag(version)` is its entity-tag. */
  readonly version: number;
}

/** Who asks: the tenant and the scopes of the token, and the stamp of what is written. */
export interface Caller {
  readonly tenant: string;
  readonly scopes: readonly string[];
  readonly by: Stamp;
}

/** Which part of a resource an answer shows; see `projectionOf`. */
export interface View {
  /** The URL that the endpoints stand under, for `meta.location` and `$ref`. */
  readonly base: string;
  /** Is anything of this attribute (`groups`, `members`) shown? What is not shown need not be looked up. */
  readonly shows: (attribute: string) => boolean;
}

/** May this version be changed (If-Match)? */
export type Condition = (version: number) => boolean;

/** Something that has to be done to a body before a transaction can begin, such as hashing a password. */
export type Prepared = object | undefined;

export interface Collection {
  readonly type: ResourceType;
  /** What PATCH answers when nothing particular is asked for (RFC 7644 §3.5.2): 200 with the resource, or 204. */
  readonly patchAnswers: 'resource' | 'nothing';
  /** Where they lie, for queries (query.ts): the collection has nothing else to do with filters and pages. */
  readonly source: Source;
  /**
   * What the body of a POST or PUT needs before its transaction; the outcome is handed to the write.
   * @throws Problem invalidValue
   */
  prepare(caller: Caller, body: unknown): Promise<Prepared>;
  /** The same for a PATCH. @throws Problem invalidValue, scopeMissing */
  preparePatch(caller: Caller, patch: PatchRequest): Promise<Prepared>;
  /** @throws Problem invalidSyntax, invalidValue, uniqueness */
  create(tx: Tx, caller: Caller, id: string, body: unknown, prepared?: Prepared): Work<Stored>;
  read(tx: Tx, tenant: string, id: string): Work<Stored | undefined>;
  /** PUT (RFC 7644 §3.5.1). @throws Problem notFound, preconditionFailed and those of `create` */
  replace(tx: Tx, caller: Caller, id: string, body: unknown, match: Condition, prepared?: Prepared): Work<Stored>;
  /** PATCH (RFC 7644 §3.5.2). @throws Problem invalidPath, noTarget, mutability and those of `replace` */
  patch(tx: Tx, caller: Caller, id: string, patch: PatchRequest, match: Condition, prepared?: Prepared): Work<Stored>;
  /** @throws Problem notFound, preconditionFailed */
  remove(tx: Tx, caller: Caller, id: string, match: Condition): Work<void>;
  /** The whole JSON texts to be sent, with `meta.location` and what other resources say of them, looked up at once. */
  texts(tx: Tx, tenant: string, found: readonly Stored[], view: View): Work<string[]>;
}

/** The status of a PATCH that was done, when nothing particular is asked for (RFC 7644 §3.5.2 allows either). */
export function answersPatch({ patchAnswers }: Collection, { titleCase }: PatchRequest): 200 | 204 {
  // Microsoft's collection of requests asserts 204 for what is spelled as Entra spells it.
  return patchAnswers === 'resource' && !titleCase ? 200 : 204;
}
