// `audit` as typed: the record with names beside its ids, and what happens when somebody has changed it.

import { describe, expect, test } from 'vitest';
import { record } from '../../connector/audit.ts';
import { auditCommand } from '../../connector/commands/audit.ts';
import { clientCommand } from '../../connector/commands/client.ts';
import { tokenCommand } from '../../connector/commands/token.ts';
import { userCommand } from '../../connector/commands/user.ts';
import { userByName } from '../../connector/store/users.ts';
import { start } from '../scim/scim-server.ts';
import { commandLine } from './command-line.ts';

type Line = Awaited<ReturnType<typeof commandLine>>;

/** What a token, a client and an administrator did, each by its id; the ids. */
async function history(line: Line) {
  const token =
    (await line.typed(tokenCommand, 'create', '--name', 'entra', '--scope', 'scim')).last.split('_')[1] ?? '';
  const made = await line.typed(clientCommand, 'create', '--name', 'okta', '--scope', 'scim', '--no-secret');
  await line.typed(userCommand, 'create', '--user-name', 'ada@contoso.example');
  const ada = (await userByName(line.sql, 'default', 'ada@contoso.example'))?.id ?? '';
  const actors = [`token:${token}`, `client:${made.last}`, `user:${ada}`, 'token:gone'];
  for (const [at, actor] of actors.entries()) {
    await act(line, { at: start + at * 1000, actor, action: 'user.updated', target: `user:${at}` });
  }
  return { token, client: made.last, ada };
}

const act = (line: Line, entry: { at: number; actor: string; action: string; target: string }) =>
  line.sql.run((tx) => record(tx, { tenant: 'default', ...entry, detail: { attributes: 'title active' } }));

describe('audit', () => {
  test('prints the entries, newest last, with the names of those who acted, and says that the chain holds', async () => {
    await using line = await commandLine();
    const { token, client, ada } = await history(line);
    const { code, printed, said } = await line.typed(auditCommand);
    expect([code, said]).toEqual([
      0,
      expect.stringMatching(/^The record of Contoso holds: \d+ entries, none changed\.$/),
    ]);
    const updated = printed.filter((one) => one.includes('user.updated'));
    expect(updated).toEqual(printed.slice(-4));
    expect(updated.map((one) => one.split(/ {2,}/))).toEqual([
      [
        expect.any(String),
        '2026-11-22T09:00:00.000Z',
        `token:${token} “entra”`,
        'user.updated',
        'user:0',
        'attributes="title active"',
      ],
      [
        expect.any(String),
        '2026-11-22T09:00:01.000Z',
        `client:${client} “okta”`,
        'user.updated',
        'user:1',
        expect.any(String),
      ],
      [
        expect.any(String),
        '2026-11-22T09:00:02.000Z',
        `user:${ada} “ada@contoso.example”`,
        'user.updated',
        'user:2',
        expect.any(String),
      ],
      [expect.any(String), '2026-11-22T09:00:03.000Z', 'token:gone', 'user.updated', 'user:3', expect.any(String)],
    ]);
  });

  test('--last, --action (a name, or the thing before its dot) and --json, one entry a line', async () => {
    await using line = await commandLine();
    const { token } = await history(line);
    expect((await line.typed(auditCommand, '--last', '2')).printed).toHaveLength(2);
    expect((await line.typed(auditCommand, '--action', 'token.created')).printed).toHaveLength(1);
    expect((await line.typed(auditCommand, '--action', 'user', '--last', '3')).printed).toHaveLength(3);
    expect((await line.typed(auditCommand, '--action', 'use')).printed).toEqual([]);
    const { printed } = await line.typed(auditCommand, '--json', '--action', 'user.updated');
    expect(printed.map((one) => JSON.parse(one))[0]).toEqual({
      seq: expect.any(Number),
      at: '2026-11-22T09:00:00.000Z',
      actor: `token:${token}`,
      actorName: 'entra',
      action: 'user.updated',
      target: 'user:0',
      detail: { attributes: 'title active' },
    });
    expect(JSON.parse(printed.at(-1) ?? '')).not.toHaveProperty('actorName');
  });

  test('50 entries unless --last says how many; each tenant has a record of its own', async () => {
    await using line = await commandLine();
    for (let n = 0; n < 60; n++) await act(line, { at: start, actor: 'operator', action: 'a.b', target: `user:${n}` });
    const { printed } = await line.typed(auditCommand);
    expect([printed.length, printed.at(-1)]).toEqual([50, expect.stringContaining('user:59')]);
    expect((await line.typed(auditCommand, '--last', '1000')).printed).toHaveLength(60);
    const other = await line.typed(auditCommand, '--tenant', 'fabrikam');
    expect([other.code, other.printed, other.said]).toEqual([0, [], 'The record of Fabrikam is empty.']);
  });

  test('an entry that was changed or taken out ends it with 1 and a sentence, after what there is to see', async () => {
    for (const harm of [
      `update audit set actor = 'nobody' where seq = 4`,
      `update audit set detail = 'no JSON' where seq = 4`,
      'delete from audit where seq = 4',
    ]) {
      await using line = await commandLine();
      await history(line);
      await line.sql.run((tx) =>
        (function* () {
          yield* tx.change(harm, []);
        })(),
      );
      const { code, printed, said } = await line.typed(auditCommand, '--last', '2');
      expect([code, printed.length]).toEqual([1, 2]);
      expect(said).toMatch(/^The record of Contoso was changed: entry 4 does not follow from the 3 before it\./);
      expect((await line.typed(auditCommand, '--json', '--last', '100')).code).toBe(1);
    }
  });

  test.each([
    [['list'], 2, '“list”'],
    [['--last', '0'], 2, '--last'],
    [['--last', 'ten'], 2, '--last'],
    [['--last', '100001'], 2, '--last'],
    [['--action', ' '], 2, '--action'],
    [['--colour', 'red'], 2, '--colour'],
    [['--tenant', 'nobody'], 1, 'tenant “nobody”'],
  ])('%j ends with %d', async (argv, code, sentence) => {
    await using line = await commandLine();
    const answer = await line.typed(auditCommand, ...argv);
    expect([answer.code, answer.printed]).toEqual([code, []]);
    expect(answer.said).toContain(sentence);
  });
});
