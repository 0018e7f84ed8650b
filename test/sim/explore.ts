// A drawn world: several admins with two tabs each, people who read their mail sooner or later or not at all, scanners and
// thieves, directory sync, clocks that jump, processes that stop and go on, and faults everywhere at once.

import { act, anybody, change, linkIn, look, readingTime, receive, scan, startReset } from './actors.ts';
import { admins, type Person, people } from './ground.ts';
import { type Random, seeded } from './random.ts';
import { manners, play, type Stage, type Verdict } from './run.ts';
import { hour, minute, type World } from './world.ts';

/** A world by the number in its seed. */
export function explore(stage: Stage, seed: string): Promise<Verdict> {
  const dice = seeded(`${seed}/story`);
  const manner = manners[dice.pick(['embedded', 'embedded', 'exact', 'graph', 'onBehalf'] as const)];
  const options = {
    seed,
    ...(manner ? { directory: manner } : {}),
    rate: dice.pick([0, 0.01, 0.03, 0.08]),
    wholeMails: dice.chance(0.04),
    machines: dice.chance(0.3) ? 2 : 1,
    policy: {
      linkLifetime: dice.pick([2, 24]) * 3600,
      changeLifetime: dice.pick([4, 72]) * 3600,
    },
  };
  return play(stage, options, (world) => drawn(world, dice));
}

async function drawn(world: World, dice: Random): Promise<void> {
  const known = new Set<string>();
  world.onMail(({ to, bytes }) => {
    const found = linkIn(bytes);
    const person = people.find(({ home, displayName }) => home === to || to.startsWith(`${displayName}.`));
    if (!found || !person) return;
    // A second copy of a mail is read now and then by somebody who holds another phone.
    if (known.has(found.id) && !dice.chance(0.2)) return;
    known.add(found.id);
    if (dice.chance(0.15)) void scan(world, found, dice.pick(['S3', 'S4', 'S5'] as const));
    if (dice.chance(0.12)) return;
    const habits = { chooses: dice.chance(0.8), saysDone: dice.chance(0.7), wrongPins: dice.pick([0, 0, 1, 2, 6]) };
    void receive(world, person, found, { ...habits, readsAfter: readingTime(world) });
  });
  const tabs = admins.flatMap((admin) => [work(world, dice, admin), work(world, dice, admin)]);
  await Promise.all([...tabs, meddle(world, dice)]);
  await world.sleep(dice.int(30) * hour);
}

/** One tab of an admin. */
async function work(world: World, dice: Random, admin: Person): Promise<void> {
  for (let i = 0, many = 1 + dice.int(3); i < many; i++) {
    await world.sleep(dice.int(3 * hour));
    const person = anybody(world);
    const typed = dice.chance(0.4);
    const wish = {
      ...(typed ? { address: `${person.displayName}.${dice.int(5)}@post.example` } : {}),
      ...(typed && dice.chance(0.6) ? { pin: String(10_000_000 + dice.int(89_999_999)) } : {}),
      ...(dice.chance(0.1) ? { forceChangePasswordNextSignIn: false } : {}),
      ...(dice.chance(0.15) ? { password: `Created-${dice.int(1e9)}-x` } : {}),
    };
    const first = await startReset(world, admin, person, wish);
    let id = 'is' in first ? first.is.id : undefined;
    if ('refused' in first && first.refused.code === 'liveReset' && dice.chance(0.5)) {
      const live = String(first.refused.details.reset);
      const newer = await startReset(world, admin, person, { ...wish, supersede: live });
      id = 'is' in newer ? newer.is.id : live;
    }
    if (id === undefined) continue;
    await world.sleep(dice.int(dice.chance(0.5) ? 2 * minute : 2 * hour));
    const seen = await look(world, admin, id);
    if ('is' in seen && seen.is.needs_you === 'signInAgain') await act(world, admin, id, 'grant');
    const then = dice.next();
    if (then < 0.15 || ('is' in seen && seen.is.needs_you === 'alarm')) await act(world, admin, id, 'kill');
    else if (then < 0.27) await act(world, admin, id, 'cancel');
    else if (then < 0.4) await startReset(world, admin, person, { ...wish, supersede: id });
  }
}

/** What happens beside: sync, clocks, processes. */
async function meddle(world: World, dice: Random): Promise<void> {
  for (let i = 0, many = dice.int(5); i < many; i++) {
    await world.sleep(dice.int(2 * hour));
    const machine = world.anyMachine();
    world.meddled = true;
    switch (dice.int(5)) {
      case 0:
        await change(world, dice.pick(['rename', 'block', 'unblock', 'promote', 'delete'] as const), anybody(world));
        break;
      case 1:
        if (dice.chance(0.3)) await change(world, 'demote', dice.pick(admins.slice(1)));
        else world.directory.revoked.add(dice.pick(admins).id);
        break;
      case 2:
        if (machine) {
          machine.skew += dice.pick([-hour, hour, -5 * minute, 3 * 24 * hour, 365 * 24 * hour]);
          world.note(`the clock of ${machine.name} jumps to ${new Date(machine.now()).toISOString()}`);
        }
        break;
      case 3:
        if (machine) {
          machine.frozen = true;
          world.note(`${machine.name} is stopped`);
          await world.sleep(1_000 + dice.int(10 * minute));
          machine.frozen = false;
          world.note(`${machine.name} goes on`);
        }
        break;
      default:
        if (machine) world.kill(machine, 'none');
    }
  }
}
