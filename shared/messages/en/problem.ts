// One sentence for each problem code: what is wrong and what to do. Read by people in the dialog and in API answers.

import type { ProblemDetails } from '../../problem.ts';

const or = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** Who could do it: `who` holds the names of roles, parted by commas. */
const onlyBy = ({ who }: ProblemDetails) => {
  if (typeof who !== 'string') return '';
  return ` Only ${/^[AEIO]/.test(who) ? 'an' : 'a'} ${or.format(who.split(', '))} can reset their password.`;
};

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
  unavailable: (d: ProblemDetails): string => {
    if (d.reason === 'lost') {
      return 'No answer came, so it is not known yet whether the password was changed. It is tried again.';
    }
    if (d.reason === 'commitUnknown') {
      return 'The database gave no answer, so it is not known whether this was done. Look before you repeat it.';
    }
    if (d.reason === 'moving') {
      return 'The database is being moved, so nothing can be changed for the moment. Try again in a few minutes.';
    }
    if (d.reason === 'issuer') return 'The organisation’s sign-in cannot be reached right now. Try again shortly.';
    return 'The connector, or the directory behind it, is busy right now. Try again shortly.';
  },
  internal: () => 'Something went wrong in the connector. The event is in its log.',
  notImplemented: () => 'This is not supported.',
  unauthorized: () => 'Sign in first.',
  tokenExpired: () => 'Your sign-in has expired. Sign in again.',
  signInAgain: () => 'The directory wants you to sign in again.',
  scopeMissing: () => 'This sign-in or token is not meant for this.',
  roleMissing: () =>
    'You need a role that can reset passwords, such as Helpdesk Administrator, Password Administrator or Global Administrator.',
  restored: () =>
    'The connector’s database was restored from a backup made while this reset was under way, so it was ended. What happened after the backup is not known.',
  originRefused: () => 'The request came from a page that may not send it.',
  targetUnknown: () => 'The connector does not know this person. They may not have been synchronised yet.',
  targetDisabled: () => 'This account is blocked from signing in. Unblock it before you reset its password.',
  targetSelf: () => 'You can’t reset your own password here. Use “Change password” or ask another administrator.',
  targetGuest: () => 'This person is a guest. Their password belongs to another organisation.',
  targetFederated: (d: ProblemDetails) =>
    `The sign-in of ${d.domain ?? 'this person’s domain'} is at another service (federated). Reset the password there.`,
  targetSynced: (d: ProblemDetails): string =>
    d.reason === 'appOnly'
      ? 'This person comes from your own Active Directory. Their password can only be reset on behalf of a signed-in administrator.'
      : 'This person comes from your own Active Directory, and passwords are not written back to it. Reset the password there.',
  targetProtected: () =>
    'Active Directory protects this account (AdminCount). Its password can only be reset in Active Directory.',
  targetPrivileged: (d: ProblemDetails): string => {
    if (d.reason === 'directory') {
      return 'The directory refused: either this person holds an administrator role that yours does not reach, or the connector lacks a permission.';
    }
    const holds = `This person holds ${d.role ? `the role ${d.role}` : 'an administrator role'}`;
    if (d.scoped) {
      return `${holds}. ${d.yours} over an administrative unit only reaches people without a role.${onlyBy(d)}`;
    }
    return `${holds}${d.yours ? `, which ${d.yours} does not reach` : ', which is out of your reach'}.${onlyBy(d)}`;
  },
  targetRoleAssignable: (d: ProblemDetails) =>
    `This person belongs to a group that administrator roles can be assigned to.${onlyBy(d)}`,
  targetRestricted: (d: ProblemDetails) =>
    d.who
      ? `This person holds a role over an administrative unit with restricted management.${onlyBy(d)}`
      : 'This person is in an administrative unit with restricted management. Only its own administrators can reset their password.',
  targetOutsideUnit: (d: ProblemDetails) =>
    `Your role${d.yours ? ` ${d.yours}` : ''} holds for an administrative unit that this person is not in.${onlyBy(d)}`,
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
  directoryMisconfigured: (d: ProblemDetails) => {
    const reasons: Readonly<Record<string, string>> = {
      secretExpired: 'its client secret has expired',
      secretWrong: 'its client secret is wrong',
      certificateWrong: 'its certificate is not the registered one, or has expired',
      clientUnknown: 'its app registration is not known there',
      tenantUnknown: 'there is no such tenant',
    };
    const reason = reasons[String(d.reason)] ?? 'it was refused';
    const code = d.code === undefined ? '' : ` (${d.code})`;
    return `The connector cannot sign in to the directory: ${reason}${code}. Tell whoever runs it.`;
  },
  consentMissing: (d: ProblemDetails) =>
    `The connector has not been granted ${d.permission ?? 'a permission'} in the directory. An administrator has to consent to it.`,
  sessionsNotEnded: () => 'The password was changed, but the person could not be signed out of their sessions.',
  linkNotOpened: () => 'This link could not be opened.',
};
