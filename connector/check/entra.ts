// Does the tenant behind the connector have what the settings need: its sign-in and keys, a credential that works,
// consent, a role where the connector acts alone, registrations as `setup entra` makes them, and an end that is far away?

import { createHash, X509Certificate } from 'node:crypto';
import { decodeJwt } from 'jose';
import { Problem } from '#shared/problem.ts';
import type { Config } from '../config.ts';
import { endpointsOf, graphTenant } from '../entra/clouds.ts';
import { readCredential } from '../entra/credential.ts';
import { type Asked, applicationPermissions, delegatedPermissions } from '../entra/permissions.ts';
import { connectorRoles } from '../entra/setup/choices.ts';
import { tokenEndpoint } from '../entra/token-endpoint.ts';
import { logger } from '../log.ts';
import { roleName } from '../policy/roles.ts';
import { apiScope, redirectUriOf } from '../signin/clients.ts';
import { checkTls } from './address.ts';
import { checkClock } from './clock.ts';
import { endOf, type Finding, findings, get, type Net, sentenceOf } from './finding.ts';

export interface EntraDeps {
  readonly net: Net;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly readFile: (path: string) => string;
}

/** Nothing where the directory is not Graph. */
export async function checkEntra(config: Config, deps: EntraDeps): Promise<Finding[]> {
  const tid = graphTenant(config.directory);
  if (tid === undefined || config.clientId === undefined) return [];
  const endpoints = endpointsOf(config.cloud, tid);
  const found = await checkIssuer(endpoints.issuer, deps);
  // Without the sign-in nothing below could be right: its own line is enough, and the file that lies here.
  if (found[0]?.mark === 'wrong') return [...found, ...certificateEnd(config, deps)];
  const { token, finding } = await ownToken(config, endpoints, deps);
  found.push(finding);
  if (token === undefined) return [...found, ...certificateEnd(config, deps)];
  const graph = (path: string) => ask(deps.net, endpoints.graph, path, token);
  const { roles, oid } = claimsOf(token);
  found.push(await reached(endpoints.graph, graph));
  found.push(...permissionsIn(config, roles));
  if (config.graphAs === 'app') found.push(await checkRole(graph, oid));
  else found.push(await checkConsent(config.clientId, graph));
  found.push(...(await checkRegistrations(config, graph, deps)));
  return found;
}

async function checkIssuer(issuer: string, { net, now }: EntraDeps): Promise<Finding[]> {
  const say = findings('Sign-in of the tenant');
  const { host, origin } = new URL(issuer);
  try {
    const metadata = await get(net, `${issuer}/.well-known/openid-configuration`);
    const at = now();
    const { issuer: named, jwks_uri: jwks } = parsed(metadata.text);
    if (metadata.status !== 200 || named !== issuer || typeof jwks !== 'string') {
      return [say.wrong(`${issuer} is no issuer (${metadata.status}): see the tenant in RR_DIRECTORY and RR_CLOUD`)];
    }
    const keys = parsed((await get(net, jwks)).text).keys;
    const count = Array.isArray(keys) ? keys.length : 0;
    const answer = count > 0 ? say.ok(`${host} answers and shows ${count} keys`) : say.wrong(`${jwks} shows no keys`);
    const clock = checkClock(host, metadata.headers.get('date'), at, metadata.took);
    return [answer, ...clock, ...(await checkTls('Sign-in', origin, net, at))];
  } catch (error) {
    return [say.wrong(`${host} does not answer (${sentenceOf(error)}): this machine must reach it over https`)];
  }
}

async function ownToken(config: Config, { issuer, graph }: { issuer: string; graph: string }, deps: EntraDeps) {
  const say = findings('Credential');
  try {
    const credential = readCredential(config, deps.readFile);
    const { net, now, random } = deps;
    const client = { clientId: config.clientId ?? '', credential, issuer };
    const endpoint = tokenEndpoint({ fetch: net.fetch, now, random, log: logger('silent'), ...client });
    const answer = await endpoint({ grant_type: 'client_credentials', scope: `${graph}/.default` });
    const how = credential.kind === 'secret' ? 'secret' : 'certificate';
    return { token: answer.access_token, finding: say.ok(`the connector gets a token with its ${how}`) };
  } catch (error) {
    const passing = error instanceof Problem && (error.code === 'unavailable' || error.code === 'throttled');
    return {
      finding: say.wrong(passing ? 'the token endpoint does not answer now: check again later' : sentenceOf(error)),
    };
  }
}

/** Of our own token alone, to say what is in it; whom it lets in is Graph's affair. */
function claimsOf(token: string): { roles: string[]; oid?: string } {
  try {
    const { roles, oid } = decodeJwt(token);
    return {
      roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
      ...(typeof oid === 'string' ? { oid } : {}),
    };
  } catch {
    return { roles: [] };
  }
}

type Graph = (path: string) => Promise<{ status: number; body: Record<string, unknown> }>;

async function ask(net: Net, origin: string, path: string, token: string) {
  const { status, text } = await get(net, origin + path, { authorization: `Bearer ${token}` });
  return { status, body: parsed(text) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The rows of a collection. */
function rowsOf(body: Record<string, unknown>): Record<string, unknown>[] {
  return objects(body.value);
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

async function reached(origin: string, graph: Graph): Promise<Finding> {
  const say = findings('Microsoft Graph');
  const { host } = new URL(origin);
  try {
    const { status, body } = await graph('/v1.0/organization?$select=id,displayName');
    const [organisation] = rowsOf(body);
    if (status === 200 && organisation) return say.ok(`${host} answers for ${String(organisation.displayName)}`);
    // Acting on behalf of an admin it need not have any right of its own.
    if (status === 403 || status === 200) return say.ok(`${host} answers`);
    return say.wrong(`${host} answered ${status}${status === 401 ? ': it does not take the token of this cloud' : ''}`);
  } catch (error) {
    return say.wrong(`${host} does not answer (${sentenceOf(error)}): this machine must reach it over https`);
  }
}

type Reasons = [name: string, asked: Asked][];

/** What is consented to against what the settings need. */
function permissionsIn(config: Config, roles: readonly string[]): Finding[] {
  const say = findings('Permissions of the connector');
  const mail = config.mail.reveal().startsWith('graph:');
  const wanted = (Object.entries(applicationPermissions) as Reasons).filter(([name]) =>
    name === 'Mail.Send'
      ? mail
      : config.graphAs === 'app' && (name !== 'User-Mail.ReadWrite.All' || config.mayRemember),
  );
  const missing = wanted.filter(([name]) => !roles.includes(name));
  const found = missing.map(([name, { needed, why }]) => {
    if (name === 'Mail.Send') {
      return say.warn(
        `${name} is not consented to. Right, when Exchange lets the connector send from the one mailbox: try check --mail`,
      );
    }
    return needed ? say.wrong(`${name} is missing. ${why}`) : say.warn(`${name} is missing. ${why}`);
  });
  if (mail && roles.includes('Mail.Send')) {
    found.push(
      say.warn('Mail.Send is consented to for every mailbox: limit it to the one (docs/entra.md, “The mailbox”)'),
    );
  }
  const idle = roles.filter(
    (role) =>
      role !== 'Application.Read.All' &&
      !(role in applicationPermissions && (config.graphAs === 'app' || role === 'Mail.Send')),
  );
  if (idle.length > 0) found.push(say.warn(`${idle.join(', ')}: not needed for these settings; take the consent back`));
  const present = wanted.length - missing.length;
  return found.length > 0 ? found : [say.ok(present > 0 ? `all ${present} are there` : 'none needed, none there')];
}

/** What admins have consented to for everybody, where the connector may read that. */
async function checkConsent(clientId: string, graph: Graph): Promise<Finding> {
  const say = findings('Consent on behalf of admins');
  const { status, body } = await graph(`/v1.0/servicePrincipals(appId='${clientId}')/oauth2PermissionGrants`);
  if (status !== 200) return say.ok('not visible to the connector itself: the first sign-in shows it');
  const scopes = rowsOf(body)
    .filter(({ consentType }) => consentType === 'AllPrincipals')
    .flatMap(({ scope }) => String(scope).split(' '));
  const missing = (Object.entries(delegatedPermissions) as Reasons).filter(([name]) => !scopes.includes(name));
  const needed = missing.filter(([, asked]) => asked.needed);
  if (needed.length > 0) return say.wrong(needed.map(([name, { why }]) => `${name} is missing. ${why}`).join(' '));
  const absent = missing.map(([name, { why }]) => `${name} (${why})`);
  if (!scopes.includes('offline_access'))
    return say.wrong('offline_access is missing: nothing could be finished after the admin has left');
  return say.ok(absent.length === 0 ? 'all are there' : `all that is needed; not granted: ${absent.join(' ')}`);
}

/** Acting alone takes a directory role beside the permission. */
async function checkRole(graph: Graph, oid: string | undefined): Promise<Finding> {
  const say = findings('Role of the connector');
  if (oid === undefined) return say.warn('its token does not say who it is');
  const filter = encodeURIComponent(`principalId eq '${oid}'`);
  const { status, body } = await graph(`/v1.0/roleManagement/directory/roleAssignments?$filter=${filter}`);
  if (status !== 200) return say.warn(`its roles can't be read (${status}): RoleManagement.Read.Directory is needed`);
  const held = rowsOf(body).map(({ roleDefinitionId, directoryScopeId }) => ({
    name: roleName(String(roleDefinitionId)),
    where: directoryScopeId === '/' ? '' : ` in ${String(directoryScopeId)}`,
  }));
  const names = held.map(({ name, where }) => `${name}${where}`).join(', ');
  const able = held.some(({ name }) => name in connectorRoles || name === 'Global Administrator');
  if (held.some(({ name }) => name === 'Global Administrator')) return say.warn(`${names}: far more than it needs`);
  if (able) return say.ok(names);
  return say.wrong(
    `${names === '' ? 'none' : names}: without User Administrator, or Privileged Authentication Administrator to reach administrators too, Graph refuses every reset`,
  );
}

/** The connector's and the extension's registration, where the connector may read them. */
async function checkRegistrations(config: Config, graph: Graph, deps: EntraDeps): Promise<Finding[]> {
  const say = findings('Registration');
  const select = '$select=appId,identifierUris,api,groupMembershipClaims,keyCredentials,passwordCredentials';
  const { status, body } = await graph(`/v1.0/applications(appId='${config.clientId}')?${select}`);
  if (status !== 200) {
    const end = certificateEnd(config, deps);
    return end.length > 0
      ? end
      : [say.warn('when the client secret ends is not visible: setup entra --expiry lets check read it')];
  }
  const found = [...shapeOf(config, body), ...endIn(config, body, deps)];
  const extension = await graph(`/v1.0/applications(appId='${config.extensionClientId}')?$select=appId,spa`);
  const spa = extension.body.spa as { redirectUris?: unknown } | undefined;
  const uris = Array.isArray(spa?.redirectUris) ? spa.redirectUris : [];
  const missing = config.extensionIds.map(redirectUriOf).filter((uri) => !uris.includes(uri));
  if (extension.status === 404)
    found.push(say.wrong('the registration of RR_EXTENSION_CLIENT_ID is not in the tenant'));
  else if (missing.length > 0) {
    found.push(say.wrong(`the extension's lacks ${missing.join(', ')}: single-page application, written exactly so`));
  }
  return found.some(({ mark }) => mark !== 'ok') ? found : [say.ok('as the connector needs it'), ...found];
}

function shapeOf({ clientId, extensionClientId }: Config, body: Record<string, unknown>): Finding[] {
  const say = findings('Registration');
  const api = (body.api ?? {}) as Record<string, unknown>;
  const scope = objects(api.oauth2PermissionScopes).find(({ value }) => value === apiScope);
  const allowed = objects(api.preAuthorizedApplications).some(({ appId }) => appId === extensionClientId);
  const uris = Array.isArray(body.identifierUris) ? body.identifierUris : [];
  const wrongs = [
    api.requestedAccessTokenVersion === 2
      ? ''
      : 'api.requestedAccessTokenVersion is not 2: its tokens would be refused here',
    uris.includes(`api://${clientId}`)
      ? ''
      : `identifierUris lacks api://${clientId}: the extension could not ask for a token`,
    scope?.isEnabled === true ? '' : `there is no scope ${apiScope}`,
  ].filter((text) => text !== '');
  const claims = String(body.groupMembershipClaims ?? '');
  return [
    ...wrongs.map((text) => say.wrong(`${text}. setup entra mends it`)),
    ...(allowed ? [] : [say.warn('the extension is not pre-authorised: each admin is asked for consent')]),
    ...(/All|DirectoryRole/.test(claims)
      ? []
      : [say.warn('groupMembershipClaims is not DirectoryRole: buttons cannot be greyed out')]),
  ];
}

/** The end of the credential in use, as the registration knows it. */
function endIn(config: Config, body: Record<string, unknown>, deps: EntraDeps): Finding[] {
  const name = 'Credential';
  const certificate = certificateOf(config, deps);
  const listed = objects(certificate ? body.keyCredentials : body.passwordCredentials);
  const hint = config.clientSecret?.reveal().slice(0, 3);
  const mine = listed.filter((one) => (certificate ? isOf(certificate, one) : one.hint === hint));
  const ends = mine.map(({ endDateTime }) => Date.parse(String(endDateTime))).filter((end) => !Number.isNaN(end));
  if (ends.length === 0) return certificateEnd(config, deps);
  const what = certificate ? 'the certificate' : 'the client secret';
  // Two secrets may begin alike: the nearer end is the one to know.
  return [endOf(name, what, Math.min(...ends), deps.now(), 'see docs/entra.md, “Rotation”')];
}

function isOf(certificate: X509Certificate, { customKeyIdentifier }: Record<string, unknown>): boolean {
  const thumbprint = createHash('sha1').update(certificate.raw).digest();
  const shown = String(customKeyIdentifier ?? '');
  return shown === thumbprint.toString('base64') || shown.toLowerCase() === thumbprint.toString('hex');
}

function certificateOf({ clientCert }: Config, { readFile }: EntraDeps): X509Certificate | undefined {
  try {
    return clientCert === undefined ? undefined : new X509Certificate(readFile(clientCert));
  } catch {
    return undefined;
  }
}

function certificateEnd(config: Config, deps: EntraDeps): Finding[] {
  const certificate = certificateOf(config, deps);
  if (!certificate) return [];
  return [
    endOf(
      'Credential',
      'the certificate',
      certificate.validToDate.getTime(),
      deps.now(),
      'see docs/entra.md, “Rotation”',
    ),
  ];
}
