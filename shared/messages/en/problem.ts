// One sentence for each problem code: what is wrong and what to do. Read by people in the dialog and in API answers.

import type { ProblemDetails } from '../../problem.ts';

export const problem = {
  invalidSyntax: () => 'The request could not be read as JSON.',
  invalidValue: (d: ProblemDetails) =>
    d.field ? `The value of “${d.field}” is missing or not valid.` : 'A value is missing or not valid.',
  invalidFilter: (d: ProblemDetails) =>
    `The filter could not be understood${d.position === undefined ? '' : ` at position ${d.position}`}.`,
  filterNotAllowed: () => 'This list cannot be filtered.',
  invalidPath: (d: ProblemDetails) => `The path “${d.path ?? ''}” does not name an attribute.`,
  noTarget: () => 'The path matched nothing that could be changed.',
  mutability: (d: ProblemDetails) => `“${d.attribute ?? 'The attribute'}” cannot be changed.`,
  tooMany: () => 'The answer would be too large. Narrow the filter.',
  invalidCursor: () => 'The cursor does not belong to this query. Begin again with an empty one.',
  expiredCursor: () => 'The cursor has expired. Begin again with an empty one.',
  invalidCount: () => 'The count is not valid.',
  uniqueness: (d: ProblemDetails) => `Another resource already has this ${d.attribute ?? 'value'}.`,
  notFound: (d: ProblemDetails) =>
    d.id === undefined ? 'There is nothing at this address.' : `Resource ${d.id} not found.`,
  methodNotAllowed: () => 'This method is not supported here.',
  preconditionFailed: () => 'The resource has changed since you read it.',
  tooLarge: () => 'The request is too large.',
  unsupportedMediaType: () => 'Send the request as JSON.',
  throttled: () => 'Too many requests. Wait a moment and try again.',
  unavailable: () => 'The connector is busy right now. Nothing was changed; try again shortly.',
  internal: () => 'Something went wrong in the connector. The event is in its log.',
  notImplemented: () => 'This is not supported.',
  unauthorized: () => 'Sign in first.',
  tokenExpired: () => 'Your sign-in has expired. Sign in again.',
  signInAgain: () => 'The directory wants you to sign in again.',
  scopeMissing: () => 'This sign-in or token is not meant for this.',
  roleMissing: () => 'You need the Password Administrator or Global Administrator role to reset passwords.',
  originRefused: () => 'The request came from a page that may not send it.',
  targetUnknown: () => 'The connector does not know this person. They may not have been synchronised yet.',
  targetDisabled: () => 'This account is blocked from signing in. Unblock it before you reset its password.',
  targetSelf: () => 'You can’t reset your own password here. Use “Change password” or ask another administrator.',
  targetPrivileged: () =>
    'This person holds an administrator role. Only a Global Administrator can reset their password.',
  passwordTooShort: (d: ProblemDetails) => `Use at least ${d.minimum ?? 8} characters.`,
  passwordTooLong: (d: ProblemDetails) => `Use at most ${d.maximum ?? 256} characters.`,
  passwordCharacters: () => 'Use only letters A–Z, digits, spaces and common symbols; no accents or emoji.',
  passwordClasses: () => 'Use three of these: small letters, capital letters, digits, symbols.',
  passwordContainsName: () => 'The password must not contain the person’s name or user name.',
  passwordCommon: () => 'This password is too easy to guess.',
  passwordSame: () => 'Choose a password that is different from the temporary one.',
  passwordNotAllowed: () => 'Your organisation only allows generated passwords.',
  passNotAllowed: () =>
    'A Temporary Access Pass can’t be handed over here: the organisation’s policy, or your role, does not allow it.',
  recipientInvalid: () => 'This is not a complete mail address.',
  recipientOwnMailbox: () => 'This is the mailbox of the very account being reset. The person could not read it.',
  recipientUnknown: () => 'This address is no longer on file for this person.',
  recipientNotAllowed: () => 'Your organisation does not allow passwords to be sent to this address.',
  pinInvalid: () => 'A PIN has eight digits.',
  pinRequired: () => 'Your organisation requires a PIN for an address that is not on file.',
  liveReset: (d: ProblemDetails) => `${d.by ?? 'Another administrator'} has already started a reset for this person.`,
  idempotencyKeyMissing: () => 'The request has no Idempotency-Key.',
  idempotencyMismatch: () => 'This Idempotency-Key was used for a different request.',
  stateConflict: () => 'The reset has moved on in the meantime. Look at its current state.',
  directoryRefused: (d: ProblemDetails) =>
    `The directory refused the change${d.reason ? `: ${d.reason}` : ''}. Nothing was changed.`,
  linkNotOpened: () => 'This link could not be opened.',
};
