// What can go wrong, as a closed list: code -> HTTP status and, where RFC 7644 §3.12 has one, scimType. A Problem is
// thrown everywhere and rendered per door (problem+json RFC 9457, SCIM Error, OAuth error). The sentence that a person
// reads lives in messages/<locale>/problem.ts under the same code. `details` never carries a secret.

export const problems = {
  // requests
  invalidSyntax: { status: 400, scimType: 'invalidSyntax' },
  invalidValue: { status: 400, scimType: 'invalidValue' },
  invalidFilter: { status: 400, scimType: 'invalidFilter' },
  filterNotAllowed: { status: 403 },
  invalidPath: { status: 400, scimType: 'invalidPath' },
  noTarget: { status: 400, scimType: 'noTarget' },
  mutability: { status: 400, scimType: 'mutability' },
  tooMany: { status: 400, scimType: 'tooMany' },
  invalidCursor: { status: 400, scimType: 'invalidCursor' },
  expiredCursor: { status: 400, scimType: 'expiredCursor' },
  invalidCount: { status: 400, scimType: 'invalidCount' },
  uniqueness: { status: 409, scimType: 'uniqueness' },
  notFound: { status: 404 },
  methodNotAllowed: { status: 405 },
  preconditionFailed: { status: 412 },
  tooLarge: { status: 413 },
  unsupportedMediaType: { status: 415 },
  throttled: { status: 429 },
  unavailable: { status: 503 },
  internal: { status: 500 },
  notImplemented: { status: 501 },
  // callers
  unauthorized: { status: 401 },
  tokenExpired: { status: 401 },
  signInAgain: { status: 401 },
  scopeMissing: { status: 403 },
  roleMissing: { status: 403 },
  originRefused: { status: 403 },
  // whom
  targetUnknown: { status: 404 },
  targetDisabled: { status: 409 },
  targetSelf: { status: 403 },
  targetPrivileged: { status: 403 },
  targetGuest: { status: 409 },
  targetFederated: { status: 409 },
  targetSynced: { status: 409 },
  targetProtected: { status: 409 },
  targetRoleAssignable: { status: 403 },
  targetRestricted: { status: 403 },
  targetOutsideUnit: { status: 403 },
  // password
  passwordTooShort: { status: 422 },
  passwordTooLong: { status: 422 },
  passwordCharacters: { status: 422 },
  passwordClasses: { status: 422 },
  passwordContainsName: { status: 422 },
  passwordCommon: { status: 422 },
  passwordSame: { status: 422 },
  passwordNotAllowed: { status: 403 },
  passNotAllowed: { status: 403 },
  // where to
  recipientInvalid: { status: 422 },
  recipientOwnMailbox: { status: 422 },
  recipientUnknown: { status: 422 },
  recipientNotAllowed: { status: 403 },
  pinInvalid: { status: 422 },
  pinRequired: { status: 403 },
  // resets
  liveReset: { status: 409 },
  idempotencyKeyMissing: { status: 400 },
  idempotencyMismatch: { status: 422 },
  stateConflict: { status: 409 },
  restored: { status: 409 },
  directoryRefused: { status: 422 },
  directoryMisconfigured: { status: 503 },
  consentMissing: { status: 503 },
  sessionsNotEnded: { status: 409 },
  // the one-time link
  linkNotOpened: { status: 403 },
} as const satisfies Record<string, { status: number; scimType?: string }>;

export type ProblemCode = keyof typeof problems;
export type ProblemDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/** An expected failure. `details` fills the sentence in messages and goes to the caller: never a secret in it. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return problems[this.code].status;
  }
  get scimType(): string | undefined {
    const problem: { status: number; scimType?: string } = problems[this.code];
    return problem.scimType;
  }
}

/** problem+json (RFC 9457) as `/api` and `/r` send it; `code` and `details` are for machines, `detail` for people. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly details?: ProblemDetails;
}

/** Is this a code of the list? For parsers of answers. */
export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(problems, value);
}
