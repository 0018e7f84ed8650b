// Programs that the set-up runs, and what Ctrl-C does to them.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Thrown when a person or the system asked to stop. */
export class Stopped extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`stopped by ${signal}`);
    this.name = 'Stopped';
    this.signal = signal;
  }
}

/** How a person or the system asks a program to end. */
export const stopSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
const keptCharacters = 60_000;

/**
 * The exit status that a shell would give to a process ended by this signal.
 * @param {NodeJS.Signals} signal
 */
export const signalStatus = (signal) => 128 + constants.signals[signal];

/**
 * Runs a program quietly and to its end, its output kept for whoever must explain a failure.
 *
 * On a stop signal the program is asked to end (a terminal's Ctrl-C has reached it already) and killed after five
 * seconds; with `unstoppable` it is put out of the terminal's reach and finishes first, since what it writes may not
 * stay half-written. Either way the promise is then rejected with `Stopped`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, unstoppable?: boolean, onHold?: () => void }} [options]
 * @returns {Promise<{ status: number, output: string }>} status 127 when the program can't be started
 */
export function run(command, args, { cwd, env, unstoppable = false, onHold } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: unstoppable });
    let output = '';
    /** @type {NodeJS.Signals | undefined} */
    let stopped;
    /** @type {NodeJS.Timeout | undefined} */
    let patience;
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString()).slice(-keptCharacters);
    };
    const stop = (/** @type {NodeJS.Signals} */ signal) => {
      if (stopped) return;
      stopped = signal;
      if (unstoppable) return onHold?.();
      child.kill(signal);
      patience = setTimeout(() => child.kill('SIGKILL'), 5000);
    };
    const settle = (/** @type {() => void} */ then) => {
      clearTimeout(patience);
      for (const signal of stopSignals) process.off(signal, stop);
      if (stopped) reject(new Stopped(stopped));
      else then();
    };
    for (const signal of stopSignals) process.on(signal, stop);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => settle(() => resolve({ status: 127, output: `${output}${error.message}\n` })));
    child.on('close', (code, signal) =>
      settle(() => resolve({ status: code ?? signalStatus(signal ?? 'SIGKILL'), output })),
    );
  });
}

/**
 * Hands the terminal over to a program: its output is ours, signals are passed on, and so is its end.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} its exit status
 */
export function become(command, args, { cwd, env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: 'inherit' });
    for (const signal of stopSignals) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // Ended before it could say anything itself.
      if (signal) console.error('\nStopped.');
      resolve(code ?? signalStatus(signal ?? 'SIGKILL'));
    });
  });
}

/**
 * The end of a program's output, for a person who must find out what went wrong.
 * @param {string} output
 * @param {number} [count]
 */
export function lastLines(output, count = 15) {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
