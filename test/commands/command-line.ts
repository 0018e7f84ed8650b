// The two commands as they are typed, over a database in memory with two organisations.

import { randomBytes } from 'node:crypto';
import type { CommandDeps } from '../../connector/commands/command-line.ts';
import type { userCommand } from '../../connector/commands/user.ts';
import { hashing } from '../../connector/store/credentials.ts';
import { tenants } from '../../connector/tenant.ts';
import { openStore, start } from '../scim/scim-server.ts';

export async function commandLine() {
  const sql = await openStore();
  const queue = hashing({ concurrency: 1, waiting: 8 });
  const deps: CommandDeps = {
    sql,
    tenants: tenants(sql),
    hashing: queue,
    now: () => start,
    random: (n) => randomBytes(n),
  };
  return {
    sql,
    deps,
    /** Exit code and what was written where; `last` is the last line of standard output. */
    async typed(command: typeof userCommand, ...argv: string[]) {
      const printed: string[] = [];
      const said: string[] = [];
      const out = { print: (line: string) => void printed.push(line), say: (line: string) => void said.push(line) };
      const code = await command(argv, deps, out);
      return { code, printed, said: said.join('\n'), last: printed.at(-1) ?? '' };
    },
    [Symbol.asyncDispose]: () => sql.close(),
  };
}
