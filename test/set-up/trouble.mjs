// What stops a set-up and is no bug: a sentence that tells a person what is wrong and what to do about it.

/** Printed without a stack; `details` are the last lines of the program that failed. */
export class Trouble extends Error {
  /**
   * @param {string} message
   * @param {string} [details]
   */
  constructor(message, details = '') {
    super(message);
    this.name = 'Trouble';
    this.details = details;
  }
}

const sentences = /** @type {Record<string, (path: string) => string>} */ ({
  EACCES: (path) => `${path} can't be written by you. Copy the project into a folder of your own and start it there.`,
  EPERM: (path) => `${path} can't be written by you. Copy the project into a folder of your own and start it there.`,
  EROFS: (path) => `${path} lies on a read-only disk. Copy the project to where you may write and start it there.`,
  ENOSPC: (path) => `The disk that holds ${path} is full. Make room and start again.`,
  EDQUOT: (path) => `Your disk quota is used up at ${path}. Make room and start again.`,
});

/**
 * The sentence for an error of the file system; anything else comes back as it is.
 * @param {unknown} error
 * @param {string} path what was to be written
 * @returns {unknown}
 */
export function fileTrouble(error, path) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const sentence = sentences[code];
  return sentence ? new Trouble(sentence(path)) : error;
}
