// The limit: as little as a durable server in this language can do. Requests are answered by prepared statements over
// stored JSON texts, one commit each on the same engine with the same `synchronous=FULL`. No schema, no validation, no
// router, no record: what a SCIM server does beyond this is the difference.
//
//   node test/bench/limit.ts PORT FILE

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const [port = '', file = ''] = process.argv.slice(2);
const db = new DatabaseSync(file);
db.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma mmap_size = 1073741824; pragma cache_size = -65536;
  create table user (pk integer primary key, id text not null unique, name text not null unique, body text not null);
  create table team (id text not null unique, body text not null);
  create table member (team text not null, user text not null, primary key (team, user)) without rowid`);
const insert = db.prepare('insert into user (id, name, body) values (?, ?, ?)');
const byId = db.prepare('select body from user where id = ?');
const byName = db.prepare('select body from user where name = ?');
const page = db.prepare('select body from user where pk >= ? order by pk limit ?');
const update = db.prepare('update user set body = ? where id = ?');
const insertTeam = db.prepare('insert into team (id, body) values (?, ?)');
const add = db.prepare('insert or ignore into member (team, user) values (?, ?)');
const remove = db.prepare('delete from member where team = ? and user = ?');
const begin = db.prepare('begin');
const commit = db.prepare('commit');
let total = 0;

interface Patch {
  Operations: [{ op: string; value: unknown }];
}

const listHead = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":';

function send(response: ServerResponse, status: number, body: string): void {
  const headers = { 'content-type': 'application/scim+json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, headers).end(body);
}

function get(url: string, response: ServerResponse): void {
  if (url.startsWith('/Users/')) {
    const found = byId.get(url.slice(7));
    if (found) send(response, 200, String(found.body));
    else send(response, 404, '{}');
    return;
  }
  if (url.startsWith('/Users?filter=')) {
    const filter = decodeURIComponent(url.slice(14));
    const found = byName.get(filter.slice(filter.indexOf('"') + 1, -1).toLowerCase());
    send(response, 200, found ? `${listHead}1,"Resources":[${found.body}]}` : `${listHead}0,"Resources":[]}`);
    return;
  }
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  const start = Number(query.get('startIndex'));
  const rows = page.all(start, Number(query.get('count')));
  let text = `${listHead}${total},"startIndex":${start},"itemsPerPage":${rows.length},"Resources":[`;
  for (const [at, { body }] of rows.entries()) text += at === 0 ? body : `,${body}`;
  send(response, 200, `${text}]}`);
}

function post(url: string, text: string, response: ServerResponse): void {
  const id = randomUUID();
  const now = new Date().toISOString();
  if (url === '/Groups') {
    insertTeam.run(id, text);
    send(response, 201, `{"id":"${id}"}`);
    return;
  }
  const { userName } = JSON.parse(text) as { userName: string };
  const meta = `{"resourceType":"User","created":"${now}","lastModified":"${now}","location":"/Users/${id}"}`;
  const body = `{"id":"${id}","meta":${meta},${text.slice(1)}`;
  insert.run(id, userName.toLowerCase(), body);
  total++;
  send(response, 201, body);
}

function patch(url: string, text: string, response: ServerResponse): void {
  const [{ op, value }] = (JSON.parse(text) as Patch).Operations;
  if (url.startsWith('/Users/')) {
    const id = url.slice(7);
    const user = JSON.parse(String(byId.get(id)?.body)) as { active: boolean };
    user.active = value === true;
    const body = JSON.stringify(user);
    update.run(body, id);
    send(response, 200, body);
    return;
  }
  const team = url.slice(8);
  const members = value as { value: string }[];
  begin.run();
  for (const one of members) (op === 'Add' ? add : remove).run(team, one.value);
  commit.run();
  response.writeHead(204).end();
}

function read(request: IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString()));
}

createServer((request, response) => {
  const { url = '', method, headers } = request;
  if (headers.authorization !== 'Bearer limit') send(response, 401, '{}');
  else if (method === 'GET') get(url, response);
  else read(request, (text) => (method === 'POST' ? post : patch)(url, text, response));
}).listen(Number(port), '127.0.0.1');
