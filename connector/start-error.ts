// Why a command can't go on: the message is a sentence for the operator, who can mend it.

/** A start that cannot go on. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
