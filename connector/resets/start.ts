// The beginning of a reset: everything that can fail without a side effect happens here, before the row is saved; then
// one transaction saves the row, its idempotency key and its job. The PIN is used and forgotten.

import { liveStates, type ResetRequest } from '#shared/api.ts';
import { createLink, type LinkCryptography, linkUrl, toBase64url } from '#shared/link.ts';
import { checkPassword, generatePassword } from '#shared/password.ts';
import { Problem } from '#shared/problem.ts';
import type { Directory, Grant, User } from '../directory/directory.ts';
import type { Caller } from '../http/auth.ts';
import { enqueue } from '../jobs.ts';
import { resetMail } from '../mail/reset-mail.ts';
import { addressesOnFile, checkPin, chooseRecipient } from '../policy/recipient.ts';
import { type Keyring, sameText } from '../secret.ts';
import type { Sql, Tx, Work } from '../sql/sql.ts';
import { uuidv4, uuidv7 } from '../store/uuid.ts';
import type { Tenant } from '../tenant.ts';
import { authorise, authoriseReset, type Permission } from './authorise.ts';
import { resetJob } from './lease.ts';
import { linkLifetime, passPermission } from './pass.ts';
import { append, type ResetRow, readLive, readReset, recordMove } from './row.ts';
import { takePlace } from './supersede.ts';

export interface StartDeps {
  readonly sql: Sql;
  readonly directory: Directory;
  readonly keyring: Keyring;
  readonly random: (bytes: number) => Uint8Array;
  readonly cryptography: LinkCryptography;
  /** Writes the mail; `resetMail`, but where a simulation has no reader for it. */
  readonly compose?: typeof resetMail;
  readonly now: () => number;
  /** Origin of the link page, as the recipient sees it. */
  readonly linkHost: string;
  /** PBKDF2 rounds of a PIN; only simulations lower it. */
  readonly pinIterations?: number;
}

/** How long a key is remembered, in milliseconds. */
export const idempotencyLifetime = 24 * 3600_000;

/**
 * Starts a reset, or answers a repeated Idempotency-Key with the reset that it started.
 * @returns the row, and whether it had been started before
 * @throws Problem roleMissing, target*, password*, passNotAllowed, recipient*, pin*, liveReset (with `reset`, `by`, `at`),
 *   idempotencyMismatch
 */
export async function startReset(
  deps: StartDeps,
  caller: Caller,
  key: string,
  request: ResetRequest,
): Promise<{ row: ResetRow; replayed: boolean }> {
  const { sql, keyring, now } = deps;
  const tenant = caller.tenant.id;
  // Under the master key: a bare hash of a typed password could be guessed offline.
  // A rotated key still recognises what it has marked.
  const fingerprints = keyring.macs('idempotency', JSON.stringify(canonical(request)));
  const [fingerprint = ''] = fingerprints;
  const known = await sql.read((tx) => readKey(tx, tenant, caller.id, key, now()));
  if (known) {
    // Who has lost the role meanwhile learns nothing from an old key.
    await authorise(deps.directory, caller.id, known.row.user_id);
    return replay(known, fingerprints);
  }
  const permission = await authoriseReset(deps.directory, caller.id, request.user);
  // The directory finds people by name as well; a name is not good enough here.
  if (permission.user.id !== request.user) throw new Problem('targetUnknown');
  // Cheap refusals before the costly preparation; both are looked at again in the transaction.
  const already = await sql.read(function* (tx) {
    const same = yield* readKey(tx, tenant, caller.id, key, now());
    return { same, live: yield* readLive(tx, tenant, request.user) };
  });
  // The very same request, asked twice at once: the other one was faster.
  if (already.same) return replay(already.same, fingerprints);
  if (already.live && already.live.id !== request.supersede) throw alreadyLive(already.live);
  if (request.supersede !== undefined) await checkReplaced(sql, tenant, request.user, request.supersede);
  const prepared = await prepare(deps, caller, permission, request);
  return sql.run(function* (tx) {
    const at = prepared.started_at;
    const earlier = yield* readKey(tx, tenant, caller.id, key, at);
    if (earlier) return replay(earlier, fingerprints);
    yield* forgetKey(tx, tenant, caller.id, key);
    // Where none is to be replaced, the index that allows one live reset says so at the insert. Not read first: it is small, and
    // whoever has read a page of it is in the way of all who begin a reset (Postgres).
    const live = request.supersede === undefined ? undefined : yield* readLive(tx, tenant, prepared.user_id);
    if (live && live.id !== request.supersede) throw alreadyLive(live);
    if (live && !(yield* takePlace(tx, live, prepared.id))) throw alreadyLive(live);
    const row = yield* insert(tx, { ...prepared, supersedes: live?.id ?? null });
    yield* tx.run`insert into idempotency (tenant, caller, key, fingerprint, reset, created)
      values (${tenant}, ${caller.id}, ${key}, ${fingerprint}, ${row.id}, ${at})`;
    yield* enqueue(tx, { tenant, kind: resetJob, ref: row.id, subject: row.user_id, dueAt: at });
    return { row, replayed: false };
  });
}

/** What is to be replaced must be a reset of this very person; that it has ended meanwhile is no fault. */
async function checkReplaced(sql: Sql, tenant: string, user: string, id: string): Promise<void> {
  const row = await sql.read((tx) => readReset(tx, tenant, id));
  if (row?.user_id !== user) throw new Problem('invalidValue', { field: 'supersede' });
}

/** The same members in the same order, whatever order the caller wrote them in. */
function canonical(request: ResetRequest): unknown[] {
  const { user, mode, password, forceChangePasswordNextSignIn, recipient, pin, locale, supersede, remember } = request;
  const { credential = 'password' } = request;
  const to = 'onFile' in recipient ? ['onFile', recipient.onFile] : ['address', recipient.address];
  return [
    user,
    mode,
    password ?? null,
    forceChangePasswordNextSignIn,
    to,
    pin ?? null,
    locale,
    supersede ?? null,
    remember ?? false,
    credential,
  ];
}

interface Known {
  readonly row: ResetRow;
  readonly fingerprint: string;
}

function replay(known: Known, fingerprints: readonly string[]): { row: ResetRow; replayed: boolean } {
  if (!fingerprints.some((one) => sameText(known.fingerprint, one))) throw new Problem('idempotencyMismatch');
  return { row: known.row, replayed: true };
}

function* readKey(tx: Tx, tenant: string, caller: string, key: string, now: number): Work<Known | undefined> {
  // By its key alone (hence + 0): the end of the index by age is where everybody adds theirs.
  const found = yield* tx.get<{ fingerprint: string; reset: string }>`select fingerprint, reset from idempotency
    where tenant = ${tenant} and caller = ${caller} and key = ${key} and created + 0 > ${now - idempotencyLifetime}`;
  const row = found && (yield* readReset(tx, tenant, found.reset));
  return found && row && { row, fingerprint: found.fingerprint };
}

/** This key, which has had its time if it is there: the others are swept apart from what people wait for (sweeper.ts). */
function* forgetKey(tx: Tx, tenant: string, caller: string, key: string): Work<void> {
  yield* tx.run`delete from idempotency where tenant = ${tenant} and caller = ${caller} and key = ${key}`;
}

function alreadyLive(live: ResetRow): Problem {
  const at = new Date(live.started_at).toISOString();
  return new Problem('liveReset', { reset: live.id, by: live.caller_name, at });
}

async function prepare(
  deps: StartDeps,
  caller: Caller,
  permission: Permission,
  request: ResetRequest,
): Promise<ResetRow> {
  const { keyring, random, now, cryptography } = deps;
  const { tenant } = caller;
  const { user } = permission;
  const { policy } = tenant;

  const { credential = 'password' } = request;
  const password = credential === 'password' ? passwordFor(request, user, tenant, random) : undefined;
  const pass = credential === 'password' ? undefined : await passPermission(deps.directory, policy, caller.id, user);
  if (credential === 'temporaryAccessPass' && !pass) throw new Problem('passNotAllowed');
  const onFile = addressesOnFile(user, (address) => addressIds(keyring, tenant.id, user.id, address));
  const recipient = chooseRecipient(request.recipient, user, onFile, policy);
  checkPin(request.pin, recipient, policy);

  // An address that is on file is, however it was given.
  if (request.remember && !policy.mayRemember) throw new Problem('invalidValue', { field: 'remember' });
  const grant = await deps.directory.grant();

  const id = deps.sql.writers === 'many' ? uuidv4(random(16)) : uuidv7(now(), random(10));
  const link = createLink(random);
  const keys = await cryptography.deriveLink({
    ...link,
    ...(request.pin === undefined ? {} : { pin: request.pin }),
    ...(deps.pinIterations === undefined ? {} : { iterations: deps.pinIterations }),
  });
  const context = { tenant: tenant.id, reset: id };
  const sealed =
    password === undefined ? undefined : await cryptography.sealPassword(password, keys.encKey, context, random(12));
  const at = now();
  const expiresAt = at + (pass ? linkLifetime(policy, pass) : policy.linkLifetime * 1000);
  const sender = /<([^<>]+)>\s*$/.exec(tenant.mailFrom)?.[1] ?? tenant.mailFrom;
  const messageId = `<${toBase64url(random(16))}@${sender.split('@').at(-1)}>`;
  const pin = request.pin !== undefined;
  const mail = await (deps.compose ?? resetMail)({
    organisation: tenant.name,
    branding: tenant.branding,
    person: { displayName: user.displayName, userPrincipalName: user.userPrincipalName },
    credential,
    link: linkUrl(deps.linkHost, { ...link, locale: request.locale, pin, credential }),
    code: await cryptography.codeOf({ key: link.key, pin, credential }),
    pin,
    forceChange: request.forceChangePasswordNextSignIn,
    ...(tenant.branding.timeZone === undefined ? {} : { timeZone: tenant.branding.timeZone }),
    locale: request.locale,
    expiresAt,
    from: tenant.mailFrom,
    to: recipient.address,
    messageId,
    date: at,
  });
  const place = (column: string) => `reset/${tenant.id}/${id}/${column}`;
  return {
    tenant: tenant.id,
    id,
    user_id: user.id,
    nth: 0,
    user_name: user.userPrincipalName,
    display_name: user.displayName,
    mode: request.mode,
    state: 'requested',
    needs_you: null,
    why: null,
    epoch: 0,
    caller_id: caller.id,
    caller_name: permission.caller.displayName,
    caller_role: permission.by,
    recipient: recipient.address,
    recipient_on_file: recipient.onFile ? 1 : 0,
    recipient_masked: recipient.shown,
    locale: request.locale,
    pin: pin ? 1 : 0,
    credential,
    force_change: password !== undefined && request.forceChangePasswordNextSignIn ? 1 : 0,
    generated: request.password === undefined ? 1 : 0,
    mail_from: sender,
    mail_subject: mail.subject,
    message_id: messageId,
    mail_attempts: 0,
    sealed_password: password === undefined ? null : keyring.seal(password, place('sealed_password')),
    // A pass has no value yet: what it will be encrypted with is kept until it has, and destroyed with that.
    sealed_key: pass ? keyring.seal(keys.encKey, place('sealed_key')) : null,
    pass_id: null,
    sealed_mail: keyring.seal(mail.bytes, place('sealed_mail')),
    link_hash: await cryptography.hash(link.id),
    proof_hash: await cryptography.hash(keys.proof),
    proof_pin_hash: keys.proofPin ? await cryptography.hash(keys.proofPin) : null,
    pin_tries: 0,
    ciphertext: sealed ? JSON.stringify(sealed) : null,
    holder_hash: null,
    leased_until: null,
    started_at: at,
    expires_at: expiresAt,
    change_by: null,
    baseline_at: null,
    changed: 0,
    call_until: null,
    call_by: null,
    seen_at: null,
    scramble: 0,
    next_attempt_at: null,
    supersedes: null,
    superseded_by: null,
    grant_identity: grant.identity,
    sealed_grant: sealedGrant(keyring, grant, place('sealed_grant')),
    remember: request.remember && !recipient.onFile ? 1 : 0,
    seq: 0,
  };
}

/**
 * The password that is handed over: the created one, or a generated one.
 * @throws Problem passwordNotAllowed, invalidValue, password*
 */
function passwordFor(
  request: ResetRequest,
  user: User,
  { name, policy }: Tenant,
  random: (bytes: number) => Uint8Array,
): string {
  if (request.password !== undefined && !policy.mayCreatePassword) throw new Problem('passwordNotAllowed');
  if (!request.forceChangePasswordNextSignIn && !policy.mayKeepPassword) {
    throw new Problem('invalidValue', { field: 'forceChangePasswordNextSignIn' });
  }
  const password = request.password ?? generatePassword(random);
  const [finding] = checkPassword(password, policy.password, { ...user, organisation: name });
  if (finding) throw new Problem(finding.code, finding.details);
  return password;
}

/** The grant's secret as the row keeps it. @param place where, for the seal */
export function sealedGrant(keyring: Keyring, grant: Grant, place: string): string | null {
  return 'secret' in grant && grant.secret ? keyring.seal(grant.secret.reveal(), place) : null;
}

/** The ids of an address on file in offers and requests: under each master key, so that they tell nothing of it. */
export function addressIds(keyring: Keyring, tenant: string, user: string, address: string): string[] {
  return keyring.macs('address', JSON.stringify([tenant, user, address])).map((mac) => mac.slice(0, 22));
}

function* insert(tx: Tx, prepared: ResetRow): Work<ResetRow> {
  const last = yield* tx.get<{ nth: number | null }>`select max(nth) as nth from reset
    where tenant = ${prepared.tenant} and user_id = ${prepared.user_id}`;
  // Saved as its first step leaves it: to read it again, at the end of the index where everybody adds theirs, would be in
  // the way of all of them where many write at once.
  const row: ResetRow = { ...prepared, nth: (last?.nth ?? 0) + 1, state: 'prepared', seq: 2 };
  const columns = Object.keys(row);
  const text = `insert into reset (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})
    on conflict do nothing returning id`;
  const [inserted] = yield* tx.query(text, Object.values(row));
  // Only `reset_live` can be in the way: somebody else's was saved while ours was being prepared.
  if (!inserted) {
    const live = yield* readLive(tx, row.tenant, row.user_id);
    throw live ? alreadyLive(live) : new Problem('stateConflict', { state: liveStates[0] });
  }
  const at = row.started_at;
  yield* append(tx, row, { at, events: [{ name: 'requested', evidence: row.caller_role }, { name: 'prepared' }] });
  yield* recordMove(tx, row, 'reset.requested', { at, actor: `user:${row.caller_id}` });
  yield* recordMove(tx, row, 'reset.prepared', { at, actor: 'connector' });
  return row;
}
