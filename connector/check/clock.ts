// Is the clock of this machine right? Tokens are good for minutes: a clock that is wrong refuses all of them.

import { type Finding, findings } from './finding.ts';

/** From so far apart on signing in fails in places, in milliseconds. */
const tolerated = 60_000;

/**
 * Against the Date header of an answer (RFC 9110 §6.6.1, whole seconds).
 * @param took milliseconds from the request to the answer
 */
export function checkClock(host: string, header: string | null, now: number, took: number): Finding[] {
  const theirs = Date.parse(header ?? '');
  if (Number.isNaN(theirs)) return [];
  const apart = now - took / 2 - theirs;
  const say = findings('Clock');
  const seconds = Math.round(Math.abs(apart) / 1000);
  if (Math.abs(apart) <= tolerated) return [say.ok(`agrees with ${host}`)];
  return [
    say.wrong(`${seconds} s ${apart > 0 ? 'ahead of' : 'behind'} ${host}: let NTP set it, or no token will be taken`),
  ];
}
