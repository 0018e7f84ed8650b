// The schema, as one append-only list for both engines: the version of a database is how many of these it has seen.
// Only `text` and `bigint` are used, so that one text holds on SQLite and Postgres; times are milliseconds, sealed values
// and hashes are text. Every table is keyed by tenant first. `/* clustered */` behind a table of short rows: SQLite keeps the
// rows in the primary key itself; to Postgres it is a comment. Expand first, contract one release later; other connectors
// serve meanwhile, and whatever an entry has altered is locked until its end: a column comes with a constant or none, and what
// takes long (values for many rows, an index on a big table) is an entry of its own, which alters nothing.

/** The oldest schema version that this connector's code can still work on; written to `meta.readableFrom`. */
export const readableFrom = 1;

/**
 * Each entry is run in one transaction; never edit an entry that has been released: none has been yet. Whoever changes `fold`,
 * `words` or what is found by them adds an entry that makes user_address and user_word anew.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    `create table tenant (
      id text primary key,
      tid text not null unique,
      name text not null,
      domains text not null,
      directory text not null,
      issuer text not null,
      client_id text not null,
      mail_from text not null,
      policy text not null,
      branding text not null,
      created bigint not null
    )`,

    // -- people, as SCIM resources: the JSON text is ready to send, the columns are what is searched. display_name is what
    // people read; display_named says whether it is a displayName of its own
    `create table app_user (
      tenant text not null, id text not null,
      user_name text not null, user_name_key text not null,
      external_id text, display_name text not null, display_name_key text not null, display_named bigint not null,
      active bigint not null,
      resource text not null,
      version bigint not null, created bigint not null, last_modified bigint not null,
      primary key (tenant, id)
    )`,
    `create unique index app_user_by_name on app_user (tenant, user_name_key)`,
    `create index app_user_by_external_id on app_user (tenant, external_id, id)`,
    `create index app_user_by_display_name on app_user (tenant, display_name_key, id, display_named)`,
    `create index app_user_by_active on app_user (tenant, active, id)`,
    `create index app_user_by_last_modified on app_user (tenant, last_modified, id)`,
    // how many resources there are; epoch counts what is not an addition at the end, newest is the greatest id ever added
    `create table resource_count (
      tenant text not null, resource_type text not null,
      total bigint not null, epoch bigint not null, newest text not null,
      primary key (tenant, resource_type)
    ) /* clustered */`,
    // every address that leads to a person: kind is 'userName', or the SCIM emails type ('work', 'home', 'other'). Whose they
    // are is known from the resource: no index by person is kept
    `create table user_address (
      tenant text not null, address_key text not null, user_id text not null, kind text not null,
      changed_at bigint not null,
      primary key (tenant, address_key, user_id, kind)
    ) /* clustered */`,
    // the words of a person's names, for search by their beginning
    `create table user_word (
      tenant text not null, word text not null, user_id text not null,
      primary key (tenant, word, user_id)
    ) /* clustered */`,
    // -- groups: the resource without its members, which are rows, so that one more or less costs the same in any group
    `create table app_group (
      tenant text not null, id text not null,
      external_id text, display_name text not null, display_name_key text not null,
      resource text not null,
      version bigint not null, created bigint not null, last_modified bigint not null,
      primary key (tenant, id)
    )`,
    `create index app_group_by_external_id on app_group (tenant, external_id, id)`,
    `create index app_group_by_display_name on app_group (tenant, display_name_key, id)`,
    // member_type: 'User' or 'Group'
    `create table group_member (
      tenant text not null, group_id text not null, member_id text not null, member_type text not null,
      primary key (tenant, group_id, member_id)
    ) /* clustered */`,
    `create index group_member_by_member on group_member (tenant, member_id, group_id)`,
    `create table credential (
      tenant text not null, user_id text not null,
      hash text not null, force_change bigint not null,
      changed_at bigint not null, changed_by text not null, version bigint not null,
      primary key (tenant, user_id)
    )`,
    // failed sign-ins since the last good one; account is a user id, or a keyed hash of a name that nobody has
    `create table sign_in_attempt (
      tenant text not null, account text not null, failures bigint not null, next_try_at bigint not null,
      primary key (tenant, account)
    )`,
    `create index sign_in_attempt_by_time on sign_in_attempt (next_try_at)`,
    // principal_id: a person, a group (then everybody in it holds the role) or a client; unit: over one administrative unit
    // only, '' is the whole organisation
    `create table role_assignment (
      tenant text not null, principal_id text not null, role_template_id text not null, unit text not null,
      created bigint not null,
      primary key (tenant, principal_id, role_template_id, unit)
    )`,

    // -- callers: a client is a program that syncs; its rows stay when it is revoked, so that the record can be read
    `create table client (
      tenant text not null, id text not null unique, name text not null, scope text not null,
      token_minutes bigint not null, created bigint not null, revoked bigint,
      primary key (tenant, id)
    )`,
    // kind: 'secret' (hash), 'key' (detail: JWK), 'federation' (detail: issuer, audience, subject, jwksUri)
    `create table client_credential (
      tenant text not null, client text not null, id text not null, kind text not null,
      hash text, detail text, created bigint not null, expires bigint, last_used bigint, revoked bigint,
      primary key (tenant, client, id)
    )`,
    // signed assertions that have been used, until they expire by themselves
    `create table client_assertion (
      tenant text not null, client text not null, jti text not null, expires bigint not null,
      primary key (tenant, client, jti)
    )`,
    `create index client_assertion_by_expiry on client_assertion (expires)`,
    // kind: 'long' (made by an operator), 'access' (given out by the token endpoint)
    `create table token (
      tenant text not null, id text not null, client text not null, kind text not null,
      name text not null, scope text not null,
      hash text not null unique, created bigint not null, expires bigint, last_used bigint, revoked bigint,
      primary key (tenant, id)
    )`,
    `create index token_by_client on token (tenant, client, kind, created)`,
    // what a client has still to be told: feed says whether changes of these resource types go there
    `create table event_stream (
      tenant text not null, client text not null, feed bigint not null, resources text not null,
      last_seq bigint not null, created bigint not null,
      primary key (tenant, client)
    ) /* clustered */`,
    `create table event (
      tenant text not null, client text not null, seq bigint not null,
      at bigint not null, txn text not null, uri text not null, external_id text, events text not null,
      primary key (tenant, client, seq)
    )`,
    `create index event_by_txn on event (tenant, client, txn)`,
    `create table event_key (
      tenant text not null, id text not null, sealed text not null, created bigint not null,
      primary key (tenant, id)
    )`,
    `create table oidc_model (
      tenant text not null, kind text not null, id text not null,
      account text, grant_id text, uid text, user_code text,
      payload text not null, expires bigint, consumed bigint,
      primary key (tenant, kind, id)
    )`,
    `create index oidc_model_by_grant on oidc_model (tenant, grant_id)`,
    `create index oidc_model_by_account on oidc_model (tenant, account)`,
    `create index oidc_model_by_uid on oidc_model (tenant, uid)`,
    `create index oidc_model_by_expiry on oidc_model (expires)`,
    `create table oidc_key (
      tenant text not null, id text not null, kind text not null, sealed text not null, created bigint not null,
      primary key (tenant, id)
    )`,

    // -- the reset: a row that walks
    `create table reset (
      tenant text not null, id text not null,
      user_id text not null, user_name text not null, display_name text not null,
      mode text not null, state text not null, needs_you text, why text,
      epoch bigint not null,
      caller_id text not null, caller_name text not null, caller_role text not null,
      recipient text not null, recipient_on_file bigint not null, recipient_masked text not null,
      locale text not null, pin bigint not null, force_change bigint not null, generated bigint not null,
      mail_from text not null, mail_subject text not null, message_id text not null, mail_attempts bigint not null,
      sealed_password text, sealed_mail text,
      link_hash text not null, proof_hash text not null, proof_pin_hash text, pin_tries bigint not null,
      ciphertext text, holder_hash text, leased_until bigint,
      started_at bigint not null, expires_at bigint not null, change_by bigint, baseline_at bigint, changed bigint not null,
      call_until bigint, scramble bigint not null, next_attempt_at bigint,
      supersedes text, superseded_by text,
      seq bigint not null,
      primary key (tenant, id)
    )`,
    `create unique index reset_by_link on reset (link_hash)`,
    `create unique index reset_live on reset (tenant, user_id) where superseded_by is null
      and state in ('requested', 'prepared', 'mailing', 'mailed', 'changing', 'ready', 'leased')`,
    `create index reset_by_user on reset (tenant, user_id, started_at)`,
    `create table reset_event (
      tenant text not null, reset text not null, seq bigint not null,
      name text not null, at bigint not null, evidence text,
      primary key (tenant, reset, seq)
    )`,
    `create table idempotency (
      tenant text not null, caller text not null, key text not null,
      fingerprint text not null, reset text not null, created bigint not null,
      primary key (tenant, caller, key)
    )`,
    `create index idempotency_by_age on idempotency (created)`,

    // -- durable work and the record
    `create table job (
      tenant text not null, kind text not null, ref text not null, subject text,
      due_at bigint not null, attempts bigint not null, epoch bigint not null, leased_until bigint not null,
      primary key (tenant, kind, ref)
    )`,
    `create index job_by_due on job (due_at)`,
    `create index job_by_subject on job (tenant, subject)`,
    `create table audit (
      tenant text not null, seq bigint not null, at bigint not null,
      actor text not null, action text not null, target text not null, detail text not null,
      hash text not null,
      primary key (tenant, seq)
    ) /* clustered */`,
  ],
  [
    // -- Microsoft Graph: as whom the directory is changed later, and what is being done there
    // grant_identity: 'connector', 'admin' (then sealed_grant holds the refresh token until the reset has ended) or 'none'
    `alter table reset add column grant_identity text not null default 'connector'`,
    `alter table reset add column sealed_grant text`,
    // 1: a typed address is to be put on file once it has proven to be the person's
    `alter table reset add column remember bigint not null default 0`,
    // a Temporary Access Pass instead of a password: the link's key, sealed until the directory has chosen the value
    `alter table reset add column credential text not null default 'password'`,
    `alter table reset add column sealed_key text`,
    `alter table reset add column pass_id text`,
    // when the password had last changed, before a call whose outcome is not known (yet); 0: never
    `alter table reset add column seen_at bigint`,
    // long-running operations of the Graph door; status: notStarted, running, succeeded, failed
    `create table graph_operation (
      tenant text not null, id text not null, user_id text not null,
      status text not null, detail text, created bigint not null, last_action bigint not null,
      primary key (tenant, id)
    )`,
    `create table temporary_access_pass (
      tenant text not null, user_id text not null, id text not null,
      hash text not null, created bigint not null, starts bigint not null, ends bigint not null,
      once bigint not null, used bigint,
      primary key (tenant, user_id)
    )`,
    // sign-ins and tokens from before are worth nothing any more; 0: never were they ended
    `alter table credential add column sessions_from bigint not null default 0`,
    // groups made for roles, whether they hold one at the moment or not (Graph's isAssignableToRole)
    `create table role_assignable_group (
      tenant text not null, group_id text not null,
      primary key (tenant, group_id)
    ) /* clustered */`,
    // whose sign-in counts as the extension's ('azp'); null: whoever has the right audience
    `alter table tenant add column extension_client_id text`,
    // what a client may at the Graph door: by itself, and for a person who is signed in; api: others ask for tokens for it
    `alter table client add column app_roles text not null default ''`,
    `alter table client add column delegated text not null default ''`,
    `alter table client add column api bigint not null default 0`,
  ],
  [
    // the n-th reset of its person: which of two is newer is said by no clock, since clocks are set back
    `alter table reset add column nth bigint not null default 0`,
    `update reset set nth = (select count(*) from reset other where other.tenant = reset.tenant
      and other.user_id = reset.user_id and (other.started_at < reset.started_at
        or (other.started_at = reset.started_at and other.id <= reset.id)))`,
    `create index reset_by_nth on reset (tenant, user_id, nth)`,
  ],
  [
    // -- restored backups: the histories that this database has had, a new one since each restoring; and how far each
    // connector has seen it come, which it remembers outside as well
    `create table timeline (place bigint primary key, id text not null unique, began bigint not null)`,
    `create table witness (id text primary key, count bigint not null)`,
  ],
  [
    // -- the record where many write at once: entries wait here until the sealer chains them, in the order in which they came
    // (by the database's clock). content is a hash over the entry, made by who recorded it; both stay with a chained entry
    `create table audit_waiting (
      tenant text not null, arrived bigint not null default 0 /* microseconds now */, id text not null,
      at bigint not null, actor text not null, action text not null, target text not null, detail text not null,
      content text not null,
      primary key (tenant, arrived, id)
    ) /* clustered */`,
    `alter table audit add column id text`,
    `alter table audit add column content text`,
    // likewise what a client has still to be told, until the sealer numbers it
    `create table event_waiting (
      tenant text not null, arrived bigint not null default 0 /* microseconds now */, id text not null,
      client text not null, at bigint not null, txn text not null, uri text not null, external_id text, events text not null,
      primary key (tenant, arrived, id)
    ) /* clustered */`,
    // who chains a tenant's entries: a lease, whose epoch rises with each transaction that chains
    `create table audit_sealer (
      tenant text primary key, holder text not null, epoch bigint not null, leased_until bigint not null
    )`,
  ],
  [
    // -- until when a call may take effect, by the clock of the directory that says when it did
    `alter table reset add column call_by bigint`,
  ],
];
