// The one-time link's server side (reset.md, protocol v1): `POST /r/:id/{open,done,alarm}`. Without a right proof every
// id gets one uniform answer and nothing is consumed; with one, the truth.

import { fromBase64url, type LinkCryptography, type SealedPassword, toBase64url } from '#shared/link.ts';
import type { AlarmRequest, DoneRequest, OpenAnswer, OpenRequest } from '#shared/link-open.ts';
import { Problem } from '#shared/problem.ts';
import { wakeSubject } from '../jobs.ts';
import type { Sql, Work } from '../sql/sql.ts';
import type { Tenant, Tenants } from '../tenant.ts';
import { isRestored } from '../witness/restored.ts';
import { leaseTime, minute } from './lease.ts';
import { isPass, move, type ResetRow, readReset } from './row.ts';
import { replacedAPassword } from './supersede.ts';
import { beforeChange } from './transitions.ts';

export interface LinkDeps {
  readonly sql: Sql;
  readonly tenants: Tenants;
  /** Where a person of this tenant signs in. */
  readonly signInUrl: (tenant: Tenant) => string;
  readonly cryptography: LinkCryptography;
  readonly now: () => number;
}

/** Wrong PINs until the link is locked. */
const pinTries = 5;

/** Whose reset was touched, for those who watch it. */
export interface Touched<T> {
  readonly answer: T;
  readonly tenant: string;
  /** Object id. */
  readonly person: string;
}

async function rowOfLink({ sql, cryptography }: LinkDeps, linkId: string): Promise<ResetRow | undefined> {
  const bytes = fromBase64url(linkId, 16);
  // Hashed and asked for all the same: an id that can't be one costs what a wrong one costs.
  const linkHash = await cryptography.hash(bytes ?? new Uint8Array(16));
  const row = await sql.get<ResetRow>`select * from reset where link_hash = ${linkHash}`;
  return bytes ? row : undefined;
}

async function proven(deps: LinkDeps, linkId: string, proof: string): Promise<ResetRow> {
  const row = await rowOfLink(deps, linkId);
  if (!(await deps.cryptography.isHashOf(proof, row?.proof_hash)) || !row) throw new Problem('linkNotOpened');
  return row;
}

/**
 * Opens the link for a holder, or says why not. Asking again with the same holder within the lease repeats the answer.
 * @throws Problem linkNotOpened without a right proof
 */
export async function openLink(deps: LinkDeps, linkId: string, request: OpenRequest): Promise<Touched<OpenAnswer>> {
  const { sql, now, cryptography } = deps;
  const found = await proven(deps, linkId, request.proof);
  const tenant = await deps.tenants.byId(found.tenant);
  if (!tenant) throw new Problem('linkNotOpened');
  const { support } = tenant.branding;
  const contact = { organisation: tenant.name, ...(support === undefined ? {} : { support }) };
  const holder = toBase64url(fromBase64url(request.holder, 32) ?? new Uint8Array());
  const holderHash = await cryptography.hash(fromBase64url(holder) ?? new Uint8Array());
  const pinRight =
    found.pin === 0 || (await cryptography.isHashOf(request.proofPin ?? '', found.proof_pin_hash ?? undefined));
  const at = now();

  const answer = await sql.run(function* (tx): Work<OpenAnswer> {
    // Read again: between the proof and here anything may have happened.
    const row = (yield* readReset(tx, found.tenant, found.id)) as ResetRow;
    const other = truthOf(row, holderHash, at);
    // Nothing was changed by this one, but one that it replaced may have been: then no old password works.
    if (other?.state === 'nothingChanged' && (yield* replacedAPassword(tx, row)))
      return { ...contact, state: 'recalled' };
    if (other) return { ...contact, ...other };
    if (row.pin === 1) {
      if (row.pin_tries >= pinTries) return { ...contact, state: 'pinLocked' };
      if (request.proofPin === undefined) return { ...contact, state: 'pinNeeded' };
      if (!pinRight) {
        const tries = row.pin_tries + 1;
        const locked = tries >= pinTries;
        const set = { pin_tries: tries, ...(locked ? { needs_you: 'pinLocked' as const } : {}) };
        const events = [
          { name: locked ? ('pinLocked' as const) : ('pinFailed' as const), evidence: `${tries}/${pinTries}` },
        ];
        yield* move(tx, row, row.state, { at, actor: 'link', events, set });
        return { ...contact, ...(locked ? { state: 'pinLocked' } : { state: 'pinWrong', left: pinTries - tries }) };
      }
    }
    let opened = row;
    if (row.state === 'ready') {
      const set = {
        holder_hash: holderHash,
        leased_until: at + leaseTime,
        // A pass ends by itself; a shorter time for the change shortens it.
        change_by: Math.min(at + tenant.policy.changeLifetime * 1000, row.change_by ?? Number.MAX_SAFE_INTEGER),
        needs_you: row.needs_you === 'alarm' ? ('alarm' as const) : null,
      };
      const leased = yield* move(tx, row, 'leased', { at, actor: 'link', events: [{ name: 'opened' }], set });
      if (!leased) return { ...contact, state: 'notReady' };
      opened = leased;
      // The walker's next look is the lease's end.
      yield* wakeSubject(tx, row.tenant, row.user_id, at);
    }
    const sealed = JSON.parse(opened.ciphertext ?? '{}') as SealedPassword;
    const leasedUntil = opened.leased_until ?? at;
    return {
      ...contact,
      state: 'open',
      ct: sealed.ct,
      nonce: sealed.nonce,
      tenant: opened.tenant,
      reset: opened.id,
      signIn: deps.signInUrl(tenant),
      user: { userPrincipalName: opened.user_name, displayName: opened.display_name },
      forceChange: opened.force_change === 1,
      ...(isPass(opened) ? { credential: opened.credential } : {}),
      leasedUntil: new Date(leasedUntil).toISOString(),
      leaseSeconds: Math.max(0, Math.floor((leasedUntil - at) / 1000)),
    };
  });
  return { answer, tenant: found.tenant, person: found.user_id };
}

/** What is to be said instead of showing the password; undefined when it may be shown to this holder (PIN aside). */
function truthOf(row: ResetRow, holderHash: string, at: number): OpenAnswer | undefined {
  if ((beforeChange as readonly string[]).includes(row.state)) {
    return at >= row.expires_at ? { state: 'expired' } : { state: 'notReady' };
  }
  switch (row.state) {
    case 'cancelled':
    case 'rejected':
    case 'refused':
      return { state: 'nothingChanged' };
    case 'changing':
      return { state: 'notReady' };
    case 'expired':
    case 'scrambled':
      return { state: isRestored(row) ? 'restored' : 'expired' };
    case 'recalled':
      return { state: 'recalled' };
    case 'superseded':
      return { state: 'superseded' };
    case 'ready':
      // Begun while a clock was ahead: its times are brought back first (clock.ts).
      if (row.started_at > at + 2 * minute) return { state: 'notReady' };
      return at >= row.expires_at ? { state: 'expired' } : undefined;
    default: {
      const mine = row.holder_hash === holderHash;
      const leased = row.leased_until ?? 0;
      if (mine && row.state === 'leased' && row.ciphertext !== null && at < leased) return undefined;
      return mine || row.holder_hash === null
        ? { state: isRestored(row) ? 'restored' : 'finished' }
        : { state: 'openedElsewhere', at: new Date(leased - leaseTime).toISOString() };
    }
  }
}

/**
 * The holder says that the sign-in worked: the ciphertext is destroyed. As often as it is asked.
 * @throws Problem linkNotOpened for anybody but the holder
 */
export async function finishLink(deps: LinkDeps, linkId: string, request: DoneRequest): Promise<Touched<void>> {
  const found = await rowOfLink(deps, linkId);
  const holds = await deps.cryptography.isHashOf(request.holder, found?.holder_hash ?? undefined);
  if (!holds || !found) throw new Problem('linkNotOpened');
  const at = deps.now();
  await deps.sql.run(function* (tx) {
    const row = yield* readReset(tx, found.tenant, found.id);
    if (row?.state !== 'leased') return;
    const set = { ciphertext: null, needs_you: row.needs_you === 'likelyScanner' ? null : row.needs_you };
    yield* move(tx, row, 'done', { at, actor: 'link', events: [{ name: 'done' }], set });
    yield* wakeSubject(tx, row.tenant, row.user_id, at);
  });
  return { answer: undefined, tenant: found.tenant, person: found.user_id };
}

/**
 * "That was not me": the admin is told. Changes nothing else, since a forwarded mail must not be able to kill.
 * @throws Problem linkNotOpened without a right proof
 */
export async function alarmLink(deps: LinkDeps, linkId: string, request: AlarmRequest): Promise<Touched<void>> {
  const found = await proven(deps, linkId, request.proof);
  const at = deps.now();
  await deps.sql.run(function* (tx) {
    const row = yield* readReset(tx, found.tenant, found.id);
    if (!row || row.needs_you === 'alarm') return;
    if (row.state !== 'leased' && row.state !== 'done') return;
    const set = { needs_you: 'alarm' as const };
    yield* move(tx, row, row.state, { at, actor: 'link', events: [{ name: 'alarm' }], set });
  });
  return { answer: undefined, tenant: found.tenant, person: found.user_id };
}
