// What one request remembers of a directory.

import { expect, test } from 'vitest';
import type { Directory } from '../../connector/directory/directory.ts';
import { askingOnce } from '../../connector/directory/once.ts';
import { noStanding } from '../../connector/policy/roles.ts';

test('the same person is asked for once, and another one apart; a failure is asked for again', async () => {
  const asked: string[] = [];
  let down = true;
  const directory = askingOnce({
    find: async (id: string) => {
      asked.push(`find ${id}`);
      if (id === 'trouble' && down) throw new Error('down');
      return undefined;
    },
    standingOf: async (id: string) => {
      asked.push(`standing ${id}`);
      return noStanding;
    },
  } as Partial<Directory> as Directory);
  await Promise.all([directory.find('a'), directory.find('a'), directory.find('b')]);
  await directory.standingOf('a');
  await directory.standingOf('a');
  expect(asked).toEqual(['find a', 'find b', 'standing a']);
  asked.length = 0;
  await expect(directory.find('trouble')).rejects.toThrow('down');
  down = false;
  expect(await directory.find('trouble')).toBeUndefined();
  expect(asked).toEqual(['find trouble', 'find trouble']);
});
