// One request's view of a directory: the same person is asked for once, whoever in the request wants to know. Not for
// writes, and not for longer: what matters is read again in the request in which it matters.

import type { Directory } from './directory.ts';

/** The directory, with what `find` and `standingOf` have said remembered; a failure is not. Make one for each request. */
export function askingOnce(directory: Directory): Directory {
  return { ...directory, find: once(directory.find), standingOf: once(directory.standingOf) };
}

function once<T>(ask: (id: string) => Promise<T>): (id: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (id) => {
    const asked = known.get(id) ?? ask(id);
    known.set(id, asked);
    asked.catch(() => known.delete(id));
    return asked;
  };
}
