// How fast the Graph door is: `npm run bench:graph`. The connector (token check, permission, property table) and the bare
// limit (limit.ts) hold the same people and take turns, round by round; the ratios are printed as Markdown. The limit answers with
// the stored text; Graph's shape is derived from it.
//
//   --users 10000   --rounds 7   --seconds 4 (of each operation and server)

import { parseArgs } from 'node:util';
import { anyOf, fill, nameOf, type Operation, operations, type Target } from './load.ts';
import { type ConnectorServer, connector, limit } from './servers.ts';
import { compare, type Line, resident } from './turns.ts';

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
  },
});
const [users, rounds] = [Number(values.users), Number(values.rounds)];
const turns = { rounds, turn: (Number(values.seconds) * 1000) / rounds };

/** A request of the Graph door where the other server has one of its own. */
function of(door: string, graph: Operation, bare: Operation): Operation {
  const chosen = ({ name }: Target) => (name === door ? graph : bare);
  return {
    make: (target) => chosen(target).make(target),
    wrong: (answer) => (graph.wrong?.(answer) ?? false) && (bare.wrong?.(answer) ?? false),
  };
}

const get: Operation = {
  make: (target) => ({ method: 'GET', path: `/users/${anyOf(target)}` }),
  wrong: ({ userPrincipalName }) => userPrincipalName === undefined,
};
const filter: Operation = {
  make: ({ ids }) => {
    const wanted = `userPrincipalName eq '${nameOf(Math.floor(Math.random() * ids.length))}'`;
    return { method: 'GET', path: `/users?$filter=${encodeURIComponent(wanted)}` };
  },
  wrong: ({ value }) => value?.length !== 1,
};

/** The Graph door of a connector, for an app that may read everybody. */
async function graphDoor(server: ConnectorServer): Promise<Target> {
  const { stdout, stderr } = await server.run('client', 'create', '--name', 'bench', '--graph', 'User.Read.All');
  const [id, secret] = [
    /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(stdout)?.[0],
    stdout.trimEnd().split('\n').at(-1),
  ];
  if (!id || !secret) throw new Error(`No client was made: ${stdout}${stderr}`);
  const answer = await fetch(`${server.origin}/signin/default/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'client_credentials', client_id: id, client_secret: secret },
      scope: `${server.origin}/.default`,
    }),
  });
  const body = (await answer.json()) as { access_token?: string };
  const { access_token: token = '' } = body;
  if (token === '') throw new Error(`The token endpoint answered ${answer.status} ${JSON.stringify(body)}.`);
  return { ...server, name: 'the Graph door', base: new URL(`${server.origin}/v1.0`), token };
}

const [ours, bare] = [await connector('the connector'), await limit()];
for (const one of [ours, bare]) await fill(one, users, []);
const door = await graphDoor(ours);
const lines: readonly Line[] = [
  ['GET /users/{id}', of(door.name, get, operations.get), 16, 0.45],
  ["$filter=userPrincipalName eq '…'", of(door.name, filter, operations.filter), 16, 0.45],
  ['GET /users/{id}', of(door.name, get, operations.get), 1, 0.45],
];
await compare(`The Graph door : the bare limit, ${users} users`, [door, bare], lines, turns);
console.log(`\n${resident(ours)}; ${resident(bare)}.`);
for (const one of [ours, bare]) await one.end();
