// A worker of the simulator: one thread, one task after the other.

import { parentPort } from 'node:worker_threads';
import { makeStage } from './run.ts';
import { carryOut, type Task } from './tasks.ts';

const port = parentPort;
if (!port) throw new Error('This file is run as a worker.');
const stage = await makeStage();
port.on('message', async (message: { task: Task; milliseconds: number } | 'end') => {
  if (message === 'end') {
    stage[Symbol.dispose]();
    process.exit(0);
  }
  try {
    port.postMessage(await carryOut(stage, message.task, performance.now() + message.milliseconds));
  } catch (error) {
    port.postMessage({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
port.postMessage('ready');
