// Load on a SCIM server: closed loops over raw sockets, one request in flight per connection, every status and every
// hundredth body checked. Numbers mean something only as ratios of two servers that take turns.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** A server under load, in a process of its own. */
export interface Target {
  readonly name: string;
  /** Where `/Users` lies. */
  readonly base: URL;
  readonly token: string;
  readonly pid: number;
  /** Users that were put in. */
  readonly ids: string[];
  /** Groups that were put in, by their number of members. */
  readonly groups: Map<number, string>;
  /** Counts up, so that no two requests are the same. */
  next: number;
}

export interface Sample {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time per request, of all the server's threads. */
  readonly cpu: number;
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** What is looked at in an answer. */
interface Answered {
  readonly totalResults?: number;
  readonly Resources?: object[];
  readonly value?: object[];
  readonly id?: string;
  readonly userName?: string;
  readonly userPrincipalName?: string;
}

/** One kind of request: how it is made, and what is wrong with an answer of status 2xx, if anything is. */
export interface Operation {
  readonly make: (target: Target) => Ask;
  readonly wrong?: (answer: Answered) => boolean;
}

const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** The userName of the n-th. */
export const nameOf = (index: number) => `User.Number${index}@contoso.example`;
/** The id of any of them. */
export const anyOf = ({ ids }: Target) => ids[Math.floor(Math.random() * ids.length)] as string;

const patch = (path: string, op: string, where: string, value: unknown): Ask => {
  return { method: 'PATCH', path, body: { schemas: [patchOp], Operations: [{ op, path: where, value }] } };
};

/** A person as a sync client creates one: some 1,000 bytes. */
export function person(index: number, userName: string): object {
  const [givenName, familyName] = [`Given${index}`, `Family${index}`];
  return {
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:User',
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    ],
    externalId: `ext-${userName}`,
    userName,
    name: { formatted: `${givenName} ${familyName}`, familyName, givenName },
    displayName: `${givenName} ${familyName}`,
    title: 'Senior Provisioning Engineer',
    preferredLanguage: 'en-GB',
    active: true,
    emails: [{ value: userName, type: 'work', primary: true }],
    phoneNumbers: [
      { value: `+44 20 7946 ${1000 + (index % 9000)}`, type: 'work' },
      { value: `+44 7700 ${100_000 + (index % 900_000)}`, type: 'mobile' },
    ],
    addresses: [
      {
        type: 'work',
        streetAddress: `${index} Example Street`,
        locality: 'London',
        region: 'LDN',
        postalCode: 'EC1A 1BB',
        country: 'GB',
        formatted: `${index} Example Street London EC1A 1BB GB`,
      },
    ],
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
      employeeNumber: String(100_000 + index),
      department: 'Identity',
    },
  };
}

export const operations = {
  get: {
    make: (target) => ({ method: 'GET', path: `/Users/${anyOf(target)}` }),
    wrong: ({ userName }) => userName === undefined,
  },
  filter: {
    make: ({ ids }) => {
      const filter = `userName eq "${nameOf(Math.floor(Math.random() * ids.length))}"`;
      return { method: 'GET', path: `/Users?filter=${encodeURIComponent(filter)}` };
    },
    wrong: ({ totalResults }) => totalResults !== 1,
  },
  list: {
    make: ({ ids }) => {
      const page = 1 + Math.floor(Math.random() * Math.max(1, Math.floor(ids.length / 100) - 1));
      return { method: 'GET', path: `/Users?startIndex=${page * 100 + 1}&count=100` };
    },
    wrong: ({ Resources }) => Resources?.length !== 100,
  },
  create: {
    make: (target) => {
      const index = target.next++;
      return { method: 'POST', path: '/Users', body: person(index, `new.${index}@contoso.example`) };
    },
    wrong: ({ id }) => id === undefined,
  },
  /** As Entra sends it with its flag aadOptscim062020; its older form, "False", is not read by everybody. */
  patchActive: {
    make: (target) => patch(`/Users/${anyOf(target)}`, 'Replace', 'active', target.next++ % 2 === 1),
  },
} satisfies Record<string, Operation>;

/** Adds one member to a group of this size, and takes the same one out again with the next request. */
export function member(size: number): Operation {
  return {
    make: (target) => {
      const turn = target.next++;
      const others = target.ids.length - size;
      const value = target.ids[size + (Math.floor(turn / 2) % others)];
      const group = `/Groups/${target.groups.get(size)}`;
      return patch(group, turn % 2 === 0 ? 'Add' : 'Remove', 'members', [{ value }]);
    },
  };
}

// Sockets -------------------------------------------------------------------------------------------------------

/** One connection: as much of HTTP/1.1 as answers with a Content-Length need. */
class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #read: Buffer = Buffer.alloc(0);
  #done: ((answer: { status: number; body: Buffer }) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('close', () => this.#failed?.(new Error('The server closed the connection.')));
    socket.on('error', (error) => this.#failed?.(error));
  }

  static open({ base }: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: base.hostname, port: Number(base.port), noDelay: true });
      socket.once('connect', () => resolve(new Connection(socket, base.host)));
      socket.once('error', reject);
    });
  }

  ask({ base, token }: Target, { method, path, body }: Ask): Promise<{ status: number; body: Buffer }> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const more = body === undefined ? '' : `Content-Type: application/scim+json\r\nContent-Length: ${text.length}\r\n`;
    const head = `${method} ${base.pathname.replace(/\/$/, '')}${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAuthorization: Bearer ${token}\r\n`;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#socket.write(`${head}${more}\r\n${text}`);
    });
  }

  #take(bytes: Buffer): void {
    this.#read = this.#read.length === 0 ? bytes : Buffer.concat([this.#read, bytes]);
    const end = this.#read.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#read.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#read.length < end + 4 + length) return;
    const body = this.#read.subarray(end + 4, end + 4 + length);
    this.#read = this.#read.subarray(end + 4 + length);
    this.#done?.({ status: Number(head.slice(9, 12)), body });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }
}

// Driving -------------------------------------------------------------------------------------------------------

/** Microseconds of processor time that a process has used. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Resident memory of a process in MiB. */
export function memoryOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);
}

/** Runs one kind of request. @throws Error at the first answer that is not what it should be */
export async function drive(
  target: Target,
  operation: Operation,
  connections: number,
  milliseconds: number,
): Promise<Sample> {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  const times: number[] = [];
  const cpu = cpuOf(target.pid);
  const start = performance.now();
  const loop = async (connection: Connection) => {
    while (performance.now() - start < milliseconds) {
      const ask = operation.make(target);
      const asked = performance.now();
      const { status, body } = await connection.ask(target, ask);
      times.push(performance.now() - asked);
      const sampled = operation.wrong && times.length % 101 === 0;
      if (status < 200 || status > 299 || (sampled && operation.wrong?.(JSON.parse(body.toString())))) {
        throw new Error(`${target.name} answered ${ask.method} ${ask.path} with ${status} ${body.subarray(0, 300)}`);
      }
    }
  };
  try {
    await Promise.all(open.map(loop));
  } finally {
    for (const connection of open) connection.close();
  }
  const seconds = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN;
  const used = (cpuOf(target.pid) - cpu) / times.length;
  return { perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99), cpu: used };
}

/** Puts users in, and groups of these sizes: their members are the first users. @returns users per second */
export async function fill(target: Target, users: number, groups: readonly number[]): Promise<number> {
  const open = await Promise.all(Array.from({ length: 16 }, () => Connection.open(target)));
  const start = performance.now();
  let next = 0;
  const created = async (connection: Connection, path: string, body: object): Promise<string> => {
    const answer = await connection.ask(target, { method: 'POST', path, body });
    if (answer.status !== 201) throw new Error(`${target.name} answered ${answer.status} ${answer.body}`);
    return (JSON.parse(answer.body.toString()) as { id: string }).id;
  };
  await Promise.all(
    open.map(async (connection) => {
      while (next < users) {
        const index = next++;
        target.ids[index] = await created(connection, '/Users', person(index, nameOf(index)));
      }
    }),
  );
  const rate = users / ((performance.now() - start) / 1000);
  const [connection] = open as [Connection];
  for (const size of groups) {
    const displayName = `Group of ${size}`;
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
    const id = await created(connection, '/Groups', { schemas, displayName });
    for (let from = 0; from < size; from += 500) {
      const value = target.ids.slice(from, Math.min(size, from + 500)).map((one) => ({ value: one }));
      const answer = await connection.ask(target, patch(`/Groups/${id}`, 'Add', 'members', value));
      if (answer.status > 204) throw new Error(`${target.name} answered ${answer.status} ${answer.body}`);
    }
    target.groups.set(size, id);
  }
  for (const one of open) one.close();
  return rate;
}
