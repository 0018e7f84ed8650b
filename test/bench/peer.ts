// The peer: SCIMMY and its routers, which a developer of this language would take, in memory and with a Map as index for
// what is asked most (its own examples search an array). It is downloaded for the benchmark and is no dependency.
//
//   node test/bench/peer.ts PORT FOLDER    FOLDER/node_modules has scimmy, scimmy-routers and express 4

import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

const [port = '', folder = ''] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);

interface Resource {
  id: string;
  userName: string;
  meta: { created: string; lastModified: string };
}
interface Asked {
  id?: string;
  filter?: { userName?: [string, unknown] }[] & { match: (all: Resource[]) => Resource[] };
  constraints?: { startIndex?: number; count?: number; totalResults?: number };
}
type Declare = (resource: unknown, handlers: object) => void;
interface Scimmy {
  Resources: { declare: Declare; User: unknown; Group: unknown };
  Schemas: { EnterpriseUser: unknown };
  Types: { Error: new (status: number, scimType: string | null, message: string) => Error };
}
type Router = new (authentication: { type: string; handler: () => string }) => unknown;
type Express = () => { use(path: string, router: unknown): void; listen(port: number, host: string): void };

function load<T>(name: string): T {
  const found = require(name) as { default?: T };
  return found.default ?? (found as T);
}
const scimmy = load<Scimmy>('scimmy');
const Routers = load<Router>('scimmy-routers');
const express = load<Express>('express');

/** What both kinds of resources are kept in. */
function store() {
  const byId = new Map<string, Resource>();
  const places = new Map<string, number>();
  const order: Resource[] = [];
  const known = (id: string) => {
    const found = byId.get(id);
    if (!found) throw new scimmy.Types.Error(404, null, `Resource ${id} not found`);
    return found;
  };
  const keep = (id: string | undefined, said: object): Resource => {
    const lastModified = new Date().toISOString();
    const created = id === undefined ? lastModified : known(id).meta.created;
    const kept = { ...JSON.parse(JSON.stringify(said)), id: id ?? randomUUID(), meta: { created, lastModified } };
    const place = places.get(kept.id) ?? order.length;
    places.set(kept.id, place);
    order[place] = kept;
    byId.set(kept.id, kept);
    return kept;
  };
  return { known, keep, order };
}

const users = store();
const names = new Map<string, Resource>();
scimmy.Resources.declare(scimmy.Resources.User, {
  extensions: [{ schema: scimmy.Schemas.EnterpriseUser, required: false }],
  ingress({ id }: Asked, said: Resource) {
    const key = said.userName.toLowerCase();
    const owner = names.get(key);
    if (owner && owner.id !== id) throw new scimmy.Types.Error(409, 'uniqueness', 'The userName is taken.');
    const kept = users.keep(id, said);
    names.set(key, kept);
    return kept;
  },
  egress(asked: Asked) {
    if (asked.id) return users.known(asked.id);
    const [only] = asked.filter ?? [];
    if (only?.userName?.[0] === 'eq') {
      const found = names.get(String(only.userName[1]).toLowerCase());
      return found ? [found] : [];
    }
    if (asked.filter) return asked.filter.match(users.order);
    asked.constraints ??= {};
    const { startIndex = 1, count = 20 } = asked.constraints;
    asked.constraints.totalResults = users.order.length;
    return users.order.slice(startIndex - 1, startIndex - 1 + count);
  },
});
const groups = store();
scimmy.Resources.declare(scimmy.Resources.Group, {
  ingress: ({ id }: Asked, said: object) => groups.keep(id, said),
  egress: ({ id }: Asked) => (id ? groups.known(id) : groups.order),
});

const app = express();
app.use('/scim', new Routers({ type: 'bearer', handler: () => 'bench' }));
app.listen(Number(port), '127.0.0.1');
