// Stories with a fixed course, in which one thing at a time can go wrong (`enumerate`): each is a way that the product is
// used, or abused.

import { toBase64url } from '#shared/link.ts';
import { act, change, type Habits, linkIn, look, press, receive, scan, signIn, startReset } from './actors.ts';
import { admins, people } from './ground.ts';
import { hour, minute, type World } from './world.ts';

const [gwen, paul, , dana] = admins as readonly [Admin, Admin, Admin, Admin];
const [amara, ada, , , finn] = people as readonly [Admin, Admin, Admin, Admin, Admin];
type Admin = (typeof admins)[number];

const good: Habits = { readsAfter: 2 * minute, chooses: true, saysDone: true, wrongPins: 0 };

/** Everybody who has a mail does with it what people do. */
function reads(world: World, habits: Habits = good): void {
  const known = new Set<string>();
  world.onMail(({ to, bytes }) => {
    const found = linkIn(bytes);
    const person = people.find(({ home }) => home === to);
    if (!found || !person || known.has(found.id)) return;
    known.add(found.id);
    void receive(world, person, found, habits);
  });
}

export type Scenario = (world: World) => Promise<void>;

/** By name; each ends when its people have nothing more to do. */
export const scenarios = {
  async ordinary(world) {
    reads(world);
    await startReset(world, gwen, amara);
    await world.sleep(20 * minute);
  },
  async pin(world) {
    reads(world, { ...good, wrongPins: 2 });
    await startReset(world, gwen, amara, { pin: '48151623', address: 'amara@elsewhere.example' });
    world.onMail(({ bytes }) => {
      const found = linkIn(bytes);
      if (found) void receive(world, amara, found, { ...good, wrongPins: 2 });
    });
    await world.sleep(hour);
  },
  async twiceClicked(world) {
    reads(world);
    const key = 'the-same-key';
    const [one, two] = [startReset(world, gwen, amara, {}, key), startReset(world, gwen, amara, {}, key)];
    await Promise.all([one, two, startReset(world, paul, amara)]);
    await world.sleep(20 * minute);
  },
  async superseded(world) {
    reads(world, { ...good, readsAfter: 30 * minute });
    const first = await startReset(world, gwen, amara);
    await world.sleep(5 * minute);
    if ('is' in first) await startReset(world, paul, amara, { supersede: first.is.id, address: 'amara2@home.example' });
    await world.sleep(2 * hour);
  },
  /** The newer one comes while a call of the older one may still be under way. */
  async supersededAtOnce(world) {
    reads(world, { ...good, readsAfter: 10 * minute });
    const first = await startReset(world, gwen, amara);
    await world.sleep(2_500);
    if ('is' in first) await startReset(world, paul, amara, { supersede: first.is.id });
    await world.sleep(hour);
  },
  /** The newer one is cancelled before any server takes its mail: the older one is the person's again. */
  async supersededInVain(world) {
    reads(world, { ...good, readsAfter: 2 * hour });
    const first = await startReset(world, gwen, amara);
    await world.sleep(minute);
    world.mailDownUntil = world.loop.now + hour;
    const second = 'is' in first ? await startReset(world, paul, amara, { supersede: first.is.id }) : first;
    await world.sleep(20 * minute);
    if ('is' in second) await act(world, gwen, second.is.id, 'cancel');
    await world.sleep(4 * hour);
  },
  /** Neither mail server nor directory is there for half a day. */
  async outage(world) {
    reads(world);
    world.mailDownUntil = world.loop.now + 5 * hour;
    world.directoryDownUntil = world.loop.now + 10 * hour;
    await startReset(world, gwen, amara);
    await world.sleep(14 * hour);
  },
  /** Somebody opens the link, and nobody runs when the lease ends; then the same page asks again. */
  async leaseOver(world) {
    await startReset(world, gwen, amara);
    await world.sleep(minute);
    const [mail] = world.post.delivered;
    const found = mail && linkIn(mail.bytes);
    const holder = world.random.bytes(32);
    if (found) await press(world, found, holder);
    const [machine] = world.machines;
    if (machine) machine.frozen = true;
    await world.sleep(20 * minute);
    if (machine) machine.frozen = false;
    if (found) await Promise.all([1, 2, 3].map(() => press(world, found, holder)));
    await world.sleep(hour);
  },
  async cancelled(world) {
    reads(world);
    const first = await startReset(world, gwen, amara);
    if ('is' in first) await act(world, paul, first.is.id, 'cancel');
    await world.sleep(20 * minute);
  },
  async killed(world) {
    reads(world);
    const first = await startReset(world, gwen, amara);
    await world.sleep(minute);
    if ('is' in first) await act(world, gwen, first.is.id, 'kill');
    await world.sleep(20 * minute);
  },
  /** "Wrong person" before a copy of the directory shows what has just been set. */
  async killedAtOnce(world) {
    const first = await startReset(world, gwen, amara);
    for (let i = 0; i < 500 && world.observer.writesOf(amara.id).length < 2; i++) await world.sleep(20);
    if ('is' in first) await act(world, gwen, first.is.id, 'kill');
    await world.sleep(20 * minute);
  },
  async killedAfterOpening(world) {
    reads(world, { ...good, readsAfter: 0 });
    const first = await startReset(world, gwen, amara);
    await world.sleep(10 * minute);
    if ('is' in first) await act(world, gwen, first.is.id, 'kill');
    await startReset(world, gwen, amara);
    await world.sleep(30 * minute);
  },
  async neverOpened(world) {
    await startReset(world, gwen, amara);
    await world.sleep(30 * hour);
  },
  async openedAndLeft(world) {
    reads(world, { readsAfter: minute, chooses: false, saysDone: false, wrongPins: 0 });
    await startReset(world, gwen, amara);
    await world.sleep(80 * hour);
  },
  async kept(world) {
    reads(world, { ...good, chooses: false });
    await startReset(world, gwen, amara, { forceChangePasswordNextSignIn: false });
    await world.sleep(80 * hour);
  },
  async scanned(world) {
    world.onMail(({ bytes }) => {
      const found = linkIn(bytes);
      if (found) for (const kind of ['S3', 'S4', 'S5'] as const) void scan(world, found, kind);
    });
    reads(world, { ...good, readsAfter: 10 * minute });
    const first = await startReset(world, gwen, amara);
    await world.sleep(hour);
    if ('is' in first) await startReset(world, gwen, amara, { supersede: first.is.id });
    await world.sleep(hour);
  },
  async changedMeanwhile(world) {
    reads(world);
    await startReset(world, gwen, amara);
    await world.sleep(1_000);
    await change(world, 'rename', amara);
    await change(world, 'block', amara);
    await world.sleep(hour);
  },
  async roleGone(world) {
    reads(world);
    await startReset(world, paul, amara);
    await change(world, 'demote', paul);
    await world.sleep(hour);
  },
  async deleted(world) {
    reads(world);
    await startReset(world, gwen, amara);
    await world.sleep(30_000);
    await change(world, 'delete', amara);
    await world.sleep(30 * hour);
  },
  async choseMeanwhile(world) {
    await startReset(world, gwen, amara);
    await world.sleep(10 * minute);
    // Somebody signs in with what the link shows, and nobody ever says so.
    const [mail] = world.post.delivered;
    const found = mail && linkIn(mail.bytes);
    if (found) {
      const seen = await press(world, found, world.random.bytes(32));
      if ('password' in seen) await signIn(world, amara, seen.password, 'Chosen-by-Amara-1');
    }
    await world.sleep(80 * hour);
  },
  async twoAtOnce(world) {
    reads(world);
    await Promise.all([startReset(world, gwen, amara), startReset(world, paul, ada), startReset(world, dana, finn)]);
    const other = [...world.observer.resets.keys()].at(-1);
    if (other) await act(world, paul, other, 'kill');
    await world.sleep(hour);
  },
  /** Sync renames the person while the mail is on its way, and gives the old name to somebody else (C25). */
  async nameReused(world) {
    reads(world);
    const started = startReset(world, gwen, amara);
    await world.sleep(60);
    await change(world, 'rename', amara);
    await change(world, 'take the name', ada, amara);
    await started;
    await world.sleep(hour);
  },
  /** A reset is begun while the clock is a day ahead; then the clock is right, and a newer one is never opened. */
  async clockWasAhead(world) {
    for (const machine of world.machines) if (machine) machine.skew = 24 * hour;
    const first = await startReset(world, gwen, amara);
    await world.sleep(minute);
    if ('is' in first) await act(world, gwen, first.is.id, 'kill');
    for (const machine of world.machines) if (machine) machine.skew = 0;
    await world.sleep(minute);
    await startReset(world, gwen, amara);
    await world.sleep(30 * hour);
  },
  /** A reset goes its way while the clock is an hour behind the directory's; whoever dies in it begins again with the right time. */
  async clockWasBehind(world) {
    for (const machine of world.machines) if (machine) machine.skew = -hour;
    await startReset(world, gwen, amara);
    await world.sleep(10 * minute);
    for (const machine of world.machines) if (machine) machine.skew = 0;
    await world.sleep(2 * hour);
    const [mail] = world.post.delivered;
    const found = mail && linkIn(mail.bytes);
    if (found) await receive(world, amara, found, good);
    await world.sleep(hour);
  },
  /** Nobody runs when the time of a link ends; somebody opens it as soon as a process is there again (C30). */
  async openedLate(world) {
    const first = await startReset(world, gwen, amara);
    await world.sleep(minute);
    const [mail] = world.post.delivered;
    const found = mail && linkIn(mail.bytes);
    const ends = 'is' in first ? first.is.expires_at : world.loop.now;
    const [machine] = world.machines;
    if (machine) {
      machine.frozen = true;
      await world.sleep(ends - world.loop.now + 1_000);
      machine.frozen = false;
    }
    if (found) await Promise.all([1, 2, 3].map(() => press(world, found, world.random.bytes(32))));
    await world.sleep(hour);
  },
  /** An admin of one organisation has the number of a reset of the other. */
  async foreigner(world) {
    const first = await startReset(world, gwen, amara);
    if ('is' in first) {
      await act(world, dana, first.is.id, 'kill');
      await act(world, dana, first.is.id, 'cancel');
      await look(world, dana, first.is.id);
    }
    await startReset(world, dana, amara);
    await world.sleep(hour);
  },
  /** Somebody who has the mail guesses PINs, then hears the right one. */
  async guessed(world) {
    world.onMail(({ bytes }) => {
      const found = linkIn(bytes);
      if (found) void receive(world, amara, found, { ...good, wrongPins: 9 });
    });
    await startReset(world, gwen, amara, { pin: '31415926' });
    await world.sleep(2 * hour);
  },
  /** Two connectors on one database, both looking for work all the time (stories with `Pair` have two). */
  async busyPair(world) {
    reads(world);
    const all = people.slice(0, 4).map((person) => startReset(world, gwen, person));
    for (let i = 0; i < 60; i++) {
      for (const machine of world.machines) machine?.wake();
      await world.sleep(15);
    }
    await Promise.all(all);
    await world.sleep(hour);
  },
  /** One of two connectors is stopped while it works, for longer than its lease, and goes on then. */
  async frozenPair(world) {
    reads(world, { ...good, readsAfter: 20 * minute });
    world.meddled = true;
    const started = startReset(world, gwen, amara);
    await world.sleep(100 + world.random.int(300));
    const [machine] = world.machines;
    if (machine) machine.frozen = true;
    for (let i = 0; i < 8; i++) {
      await world.sleep(30_000);
      world.machines[1]?.wake();
    }
    if (machine) machine.frozen = false;
    await started;
    await world.sleep(2 * hour);
  },
  async watched(world) {
    reads(world);
    const first = await startReset(world, gwen, amara, { pin: toPin(world) });
    for (let i = 0; i < 8 && 'is' in first; i++) {
      await look(world, gwen, first.is.id);
      await world.sleep(minute);
    }
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof scenarios;

function toPin(world: World): string {
  return Array.from(world.random.bytes(8), (byte) => String(byte % 10)).join('');
}

/** A key of its own for each press. */
export const keyOf = (world: World) => toBase64url(world.random.bytes(12));
