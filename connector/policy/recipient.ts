// Where a password may go: pure, no I/O, what an auditor reads. The mailbox of the account being reset is never a place;
// an address on file is offered masked; a typed one is allowed as far as the organisation's policy goes.

import { isAddress, maskAddress, parseAddress, sameMailbox } from '#shared/address.ts';
import type { ResetRequest } from '#shared/api.ts';
import { Problem } from '#shared/problem.ts';
import type { User } from '../directory/directory.ts';
import type { Policy } from '../tenant.ts';

/** An address on file as the dialog sees it. `id` stands for it in a request, and is good for this person only. */
export interface OnFile {
  readonly id: string;
  /** `id`, and those that an earlier offer may have given it. */
  readonly ids: readonly string[];
  readonly masked: string;
  readonly address: string;
}

/** Where a mail goes. `shown`: whole when the admin typed it, masked when it is on file. */
export interface Recipient {
  readonly address: string;
  readonly shown: string;
  readonly onFile: boolean;
}

/** Does this address end in the mailbox that is being reset? */
export function isOwnMailbox(user: User, address: string): boolean {
  const own = [user.userPrincipalName, ...user.proxyAddresses, ...(user.mail ? [user.mail] : [])];
  return own.some((mailbox) => sameMailbox(mailbox, address));
}

/**
 * The addresses on file of a person that a password may go to, as they can be offered.
 * @param idsOf the ids of an address, newest first: stable for a while, telling nothing of the address
 */
export function addressesOnFile(user: User, idsOf: (address: string) => readonly string[]): OnFile[] {
  const found: OnFile[] = [];
  for (const text of user.otherMails) {
    const parsed = parseAddress(text);
    if (!isAddress(parsed) || isOwnMailbox(user, parsed.address)) continue;
    if (found.some((other) => sameMailbox(other.address, parsed.address))) continue;
    const { address } = parsed;
    const ids = idsOf(address.toLowerCase());
    found.push({ id: ids[0] ?? '', ids, masked: maskAddress(address), address });
  }
  return found;
}

/**
 * Decides about the recipient of a request.
 * @throws Problem recipientUnknown, recipientInvalid (with `reason`), recipientOwnMailbox, recipientNotAllowed
 */
export function chooseRecipient(
  wanted: ResetRequest['recipient'],
  user: User,
  onFile: readonly OnFile[],
  policy: Policy,
): Recipient {
  if ('onFile' in wanted) {
    const found = onFile.find(({ ids }) => ids.includes(wanted.onFile));
    if (!found) throw new Problem('recipientUnknown');
    return { address: found.address, shown: found.masked, onFile: true };
  }
  const parsed = parseAddress(wanted.address);
  if (!isAddress(parsed)) throw new Problem(parsed.code, { ...parsed.details });
  if (isOwnMailbox(user, parsed.address)) throw new Problem('recipientOwnMailbox');
  // To the letter but for case: a sub-address of one on file is another address, which somebody else may read.
  const typed = parsed.address.toLowerCase();
  const known = onFile.find(({ address }) => address.toLowerCase() === typed);
  if (!known && !policy.mayTypeRecipient) throw new Problem('recipientNotAllowed', { rule: 'onFileOnly' });
  const allowed = policy.recipientDomains;
  if (!known && allowed.length > 0 && !allowed.includes(parsed.domain)) {
    throw new Problem('recipientNotAllowed', { rule: 'domain' });
  }
  return { address: parsed.address, shown: parsed.address, onFile: known !== undefined };
}

/**
 * Is a PIN needed, proposed, or not? By policy, and by whether the address is on file.
 * @throws Problem pinRequired when the policy wants one and the request has none
 */
export function checkPin(pin: string | undefined, recipient: Recipient, policy: Policy): void {
  const rule = recipient.onFile ? policy.pinForOnFile : policy.pinForTyped;
  if (rule === 'required' && pin === undefined) throw new Problem('pinRequired');
}
