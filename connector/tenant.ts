// A tenant is an organisation: its row holds directory, issuer, sender, policy and branding. The environment describes
// only tenant `default`; all code takes a tenant as an argument.

import { entraPolicy, type PasswordPolicy } from '#shared/password.ts';
import type { Sql, Tx, Work } from './sql/sql.ts';

/** What an organisation allows. Lifetimes in seconds. */
export interface Policy {
  readonly password: PasswordPolicy;
  /** May an admin create the password himself (ASVS 6.4.6 says better not)? */
  readonly mayCreatePassword: boolean;
  readonly mayKeepPassword: boolean;
  readonly mayTypeRecipient: boolean;
  /** May a typed address be put on file once it has proven to be the person's? */
  readonly mayRemember: boolean;
  /** Domains whose people sign in at another identity provider: no password of theirs is set here. In small letters. */
  readonly federatedDomains: readonly string[];
  /** Empty: every domain. Else only addresses on file and in these domains. */
  readonly recipientDomains: readonly string[];
  readonly pinForTyped: 'required' | 'on' | 'off';
  readonly pinForOnFile: 'required' | 'on' | 'off';
  /** May a Temporary Access Pass be handed over, where the directory and the admin's role allow it? */
  readonly temporaryAccessPass: boolean;
  readonly linkLifetime: number;
  readonly changeLifetime: number;
}

export const defaultPolicy: Policy = {
  password: entraPolicy,
  mayCreatePassword: true,
  mayKeepPassword: true,
  mayTypeRecipient: true,
  mayRemember: true,
  federatedDomains: [],
  recipientDomains: [],
  pinForTyped: 'on',
  pinForOnFile: 'off',
  temporaryAccessPass: false,
  linkLifetime: 24 * 3600,
  changeLifetime: 72 * 3600,
};

/** What the organisation shows to its people. `support`: whom to ask, in the mail and on the link page. */
export interface Branding {
  readonly support?: string;
  readonly home?: string;
  /** IANA name. */
  readonly timeZone?: string;
}

export interface Tenant {
  readonly id: string;
  /** The `tid` of its tokens, a GUID. */
  readonly tid: string;
  /** The organisation's name, as people read it. */
  readonly name: string;
  readonly domains: readonly string[];
  /** `embedded` or `graph://<tenant>`. */
  readonly directory: string;
  /** `iss` of its access tokens. */
  readonly issuer: string;
  /** `aud` of its access tokens. */
  readonly clientId: string;
  /** `azp` of its access tokens; absent: the issuer gives that audience to the extension alone. */
  readonly extensionClientId?: string;
  /** `Name <address>` of the mails. */
  readonly mailFrom: string;
  readonly policy: Policy;
  readonly branding: Branding;
}

interface TenantRow {
  id: string;
  tid: string;
  name: string;
  domains: string;
  directory: string;
  issuer: string;
  client_id: string;
  extension_client_id: string | null;
  mail_from: string;
  policy: string;
  branding: string;
}

function tenantOf(row: TenantRow): Tenant {
  return {
    id: row.id,
    tid: row.tid,
    name: row.name,
    domains: JSON.parse(row.domains) as string[],
    directory: row.directory,
    issuer: row.issuer,
    clientId: row.client_id,
    ...(row.extension_client_id === null ? {} : { extensionClientId: row.extension_client_id }),
    mailFrom: row.mail_from,
    policy: { ...defaultPolicy, ...(JSON.parse(row.policy) as Partial<Policy>) },
    branding: JSON.parse(row.branding) as Branding,
  };
}

/** Look-ups of tenants, read from the database each time: there are few, and a change holds at once. */
export interface Tenants {
  byId(id: string): Promise<Tenant | undefined>;
  byTid(tid: string): Promise<Tenant | undefined>;
  byIssuer(issuer: string): Promise<Tenant | undefined>;
  /** Of a mail domain, in any case. */
  byDomain(domain: string): Promise<Tenant | undefined>;
  all(): Promise<Tenant[]>;
}

/** The tenants of a database. */
export function tenants(sql: Sql): Tenants {
  const one = (row: TenantRow | undefined) => (row ? tenantOf(row) : undefined);
  const all = async () => (await sql.all<TenantRow>`select * from tenant order by id`).map(tenantOf);
  return {
    all,
    byId: async (id) => one(await sql.get<TenantRow>`select * from tenant where id = ${id}`),
    byTid: async (tid) => one(await sql.get<TenantRow>`select * from tenant where tid = ${tid}`),
    byIssuer: async (issuer) => one(await sql.get<TenantRow>`select * from tenant where issuer = ${issuer}`),
    byDomain: async (domain) => (await all()).find((tenant) => tenant.domains.includes(domain.toLowerCase())),
  };
}

/** Writes a tenant as the environment describes it; an existing one keeps its `tid`, unless a directory elsewhere has its own. */
export function* saveTenant(tx: Tx, tenant: Tenant, now: number): Work<void> {
  const domains = JSON.stringify(tenant.domains.map((domain) => domain.toLowerCase()));
  const policy = JSON.stringify(tenant.policy);
  const branding = JSON.stringify(tenant.branding);
  yield* tx.run`insert into tenant
      (id, tid, name, domains, directory, issuer, client_id, extension_client_id, mail_from, policy, branding, created)
    values (${tenant.id}, ${tenant.tid}, ${tenant.name}, ${domains}, ${tenant.directory}, ${tenant.issuer},
      ${tenant.clientId}, ${tenant.extensionClientId ?? null}, ${tenant.mailFrom}, ${policy}, ${branding}, ${now})
    on conflict (id) do update set name = excluded.name,
      tid = case when excluded.directory like 'graph://%' then excluded.tid else tenant.tid end,
      domains = excluded.domains, directory = excluded.directory,
      issuer = excluded.issuer, client_id = excluded.client_id,
      extension_client_id = excluded.extension_client_id, mail_from = excluded.mail_from,
      policy = excluded.policy, branding = excluded.branding`;
}
