// The table between Graph's properties and the SCIM User: what is read, what is written, and that the two belong together.

import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { asDirectoryUser } from '../../connector/directory/embedded.ts';
import {
  basicProperties,
  defaultProperties,
  graphUserOf,
  personOf,
  propertyNames,
  propertyOf,
  toScim,
} from '../../connector/graph/user.ts';
import { readUser } from '../../connector/scim/users.ts';
import { compose } from '../../connector/store/resource.ts';
import { coreUser, enterpriseUser, graphUser, type UserContent } from '../../connector/store/user-resource.ts';
import { people } from '../people.ts';
import { start } from '../scim/scim-server.ts';
import { openApiJudge } from './openapi.ts';

const id = '4f2d7a10-8c1e-4b6a-9d3f-0123456789ab';
const stored = (content: UserContent) => ({
  ...{ id, version: 1 },
  text: compose('User', id, content, { created: start, lastModified: start, version: 1 }),
});
const read = (content: UserContent, names = propertyNames) => graphUserOf(personOf(stored(content), start), names);
const thrown = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    const { status, code, message } = error as { status: number; code: string; message: string };
    return [status, code, message];
  }
  return undefined;
};

/** As Entra's sync maps its users to SCIM. */
const full = readUser({
  schemas: [coreUser],
  userName: 'ada@contoso.example',
  displayName: 'Ada Lovelace',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  title: 'Analyst',
  userType: 'Employee',
  locale: 'en-GB',
  active: false,
  emails: [
    { value: 'ada@alias.example', type: 'other' },
    { value: 'a.lovelace@contoso.example', type: 'work' },
    { value: 'ada@mail.example', type: 'Home' },
    { value: 'ADA@alias.example', type: 'home' },
  ],
  phoneNumbers: [
    { value: '+44 1', type: 'work' },
    { value: '+44 2', type: 'mobile' },
    { value: '+44 3', type: 'fax' },
  ],
  ims: [{ value: 'sip:ada@contoso.example' }],
  addresses: [
    { formatted: '4711', type: 'other' },
    {
      type: 'work',
      streetAddress: '12 St James’s Sq',
      locality: 'London',
      region: 'LDN',
      postalCode: 'SW1',
      country: 'GB',
    },
  ],
  [enterpriseUser]: { department: 'Engines', organization: 'Contoso', employeeNumber: '7', costCenter: 'C1' },
  [graphUser]: {
    ...{
      mailNickname: 'ada',
      usageLocation: 'GB',
      employeeType: 'Full',
      passwordPolicies: 'DisablePasswordExpiration',
    },
    ...{
      onPremisesSyncEnabled: true,
      onPremisesImmutableId: 'Zm9v',
      onPremisesLastSyncDateTime: '2026-11-22T08:00:00Z',
    },
  },
});

test('every property that is kept', () => {
  const sent = read(full);
  expect(Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null && value !== undefined))).toEqual(
    {
      businessPhones: ['+44 1'],
      displayName: 'Ada Lovelace',
      givenName: 'Ada',
      jobTitle: 'Analyst',
      mail: 'a.lovelace@contoso.example',
      mobilePhone: '+44 2',
      officeLocation: '4711',
      preferredLanguage: 'en-GB',
      surname: 'Lovelace',
      userPrincipalName: 'ada@contoso.example',
      id,
      accountEnabled: false,
      ...{ assignedLicenses: [], assignedPlans: [], licenseAssignmentStates: [], onPremisesProvisioningErrors: [] },
      ...{ provisionedPlans: [] },
      city: 'London',
      companyName: 'Contoso',
      country: 'GB',
      createdDateTime: '2026-11-22T09:00:00.000Z',
      department: 'Engines',
      employeeId: '7',
      employeeOrgData: { costCenter: 'C1', division: null },
      employeeType: 'Full',
      faxNumber: '+44 3',
      identities: [
        { signInType: 'userPrincipalName', issuer: 'contoso.example', issuerAssignedId: 'ada@contoso.example' },
      ],
      imAddresses: ['sip:ada@contoso.example'],
      lastPasswordChangeDateTime: '2026-11-22T09:00:00.000Z',
      mailNickname: 'ada',
      onPremisesImmutableId: 'Zm9v',
      onPremisesLastSyncDateTime: '2026-11-22T08:00:00Z',
      onPremisesSyncEnabled: true,
      otherMails: ['ada@mail.example'],
      passwordPolicies: 'DisablePasswordExpiration',
      postalCode: 'SW1',
      proxyAddresses: ['smtp:ada@contoso.example', 'smtp:ada@alias.example', 'SMTP:a.lovelace@contoso.example'],
      securityIdentifier: expect.stringMatching(/^S-1-12-1-/),
      state: 'LDN',
      streetAddress: '12 St James’s Sq',
      usageLocation: 'GB',
      userType: 'Member',
    },
  );
  // Worked out by hand: the bytes of the GUID as .NET lays them out, four little-endian numbers.
  const bytes = Buffer.from('107a2d4f1e8c6a4b9d3f0123456789ab', 'hex');
  expect(sent.securityIdentifier).toBe(`S-1-12-1-${[0, 4, 8, 12].map((at) => bytes.readUInt32LE(at)).join('-')}`);
});

test('what is sent unasked is what a real tenant sends, and everything is what Microsoft describes', async () => {
  expect(Object.keys(read(full, [...defaultProperties]))).toEqual([
    ...['businessPhones', 'displayName', 'givenName', 'jobTitle', 'mail', 'mobilePhone', 'officeLocation'],
    ...['preferredLanguage', 'surname', 'userPrincipalName', 'id'],
  ]);
  expect([...basicProperties].sort()).toEqual([
    ...['displayName', 'givenName', 'id', 'mail', 'securityIdentifier', 'surname', 'userPrincipalName'],
  ]);
  const judge = await openApiJudge();
  for (const content of [full, readUser({ schemas: [coreUser], userName: 'x' })]) {
    expect(judge?.answer('GET', '/users/x', 200, read(content)) ?? []).toEqual([]);
  }
  const fixtures = new URL('../../../shared/data/real-tenant-fixtures/graph-fixtures.json', import.meta.url);
  const captured = await readFile(fixtures, 'utf8').catch(() => undefined);
  if (captured === undefined) return;
  const [real] = JSON.parse(captured)['graph-users-collection-default'].body.value;
  expect(Object.keys(real)).toEqual([...defaultProperties]);
});

test('the directory port says the same of the same person', () => {
  for (const person of [...people.map((one) => readUser(one)), full]) {
    const port = asDirectoryUser(stored(person));
    const sent = read(person) as Record<string, unknown>;
    for (const name of ['id', 'userPrincipalName', 'displayName', 'mail', 'otherMails', 'accountEnabled', 'userType']) {
      expect([name, port[name as keyof typeof port] ?? null]).toEqual([name, sent[name]]);
    }
    for (const name of ['mobilePhone', 'preferredLanguage', 'jobTitle', 'department'] as const) {
      expect([name, port[name] ?? null]).toEqual([name, sent[name]]);
    }
    expect(port.onPremisesSyncEnabled).toBe(sent.onPremisesSyncEnabled ?? false);
    expect(port.proxyAddresses).toEqual((sent.proxyAddresses as string[]).map((one) => one.slice(5)));
  }
});

const account = {
  ...{
    accountEnabled: true,
    displayName: 'Grace Hopper',
    mailNickname: 'grace',
    userPrincipalName: 'grace@contoso.example',
  },
  passwordProfile: { password: 'xWwvJ]6NMw+bWH-d' },
};

describe('writing', () => {
  test('a new user, and what SCIM makes of it', () => {
    const content = toScim({ ...account, jobTitle: 'Rear Admiral', usageLocation: 'US', city: 'Arlington' });
    expect(content).toEqual({
      schemas: [coreUser, graphUser],
      active: true,
      displayName: 'Grace Hopper',
      userName: 'grace@contoso.example',
      title: 'Rear Admiral',
      addresses: [{ type: 'work', locality: 'Arlington' }],
      [graphUser]: { mailNickname: 'grace', usageLocation: 'US' },
    });
    // The SCIM door would keep the very same.
    expect(readUser(content)).toMatchObject(content);
  });

  const samples: Record<string, unknown> = {
    ...{ displayName: 'New', givenName: 'N', surname: 'Ew', jobTitle: 'T', department: 'D', companyName: 'C' },
    ...{ mail: 'new@contoso.example', mailNickname: 'new', otherMails: ['n@mail.example', 'ada@mail.example'] },
    ...{ businessPhones: ['+1 9'], mobilePhone: '+1 8', faxNumber: '+1 7', employeeId: '42', employeeType: 'Temp' },
    ...{ officeLocation: '1', streetAddress: 'S', city: 'X', state: 'Y', postalCode: '1', country: 'DE' },
    ...{ usageLocation: 'DE', preferredLanguage: 'de', accountEnabled: true, userType: 'Guest' },
    ...{ userPrincipalName: 'new@contoso.example', onPremisesImmutableId: 'YmFy', passwordPolicies: 'None' },
    employeeOrgData: { costCenter: 'C2', division: 'D2' },
  };
  const writable = propertyNames.filter((name) => propertyOf(name).write);

  test('every property that can be set has a sample here', () => {
    expect(Object.keys(samples).sort()).toEqual([...writable].sort());
  });

  test.each(writable)('%s: what is written is what is read, nothing else changes, and null clears it', (name) => {
    const before = read(full);
    const after = toScim({ [name]: samples[name] }, full);
    const touches: Record<string, string[]> = {
      mail: ['proxyAddresses'],
      userPrincipalName: ['proxyAddresses', 'identities'],
    };
    const also = touches[name] ?? [];
    for (const [other, value] of Object.entries(read(after))) {
      if (other === name) expect(value).toEqual(samples[name]);
      else if (!also.includes(other)) expect([other, value]).toEqual([other, before[other as keyof typeof before]]);
    }
    // It is a SCIM User that the SCIM door would have kept.
    expect(readUser(JSON.parse(JSON.stringify(after)))).toEqual(after);
    const { required, type } = propertyOf(name);
    const clear = () => toScim({ [name]: type === 'Strings' ? [] : null }, full);
    if (required) return expect(thrown(clear)?.[0]).toBe(400);
    expect(read(clear())[name]).toEqual(
      { Strings: [], String: name === 'userType' ? 'Member' : null }[type as string] ?? null,
    );
  });

  test('what a guest was before is kept as long as a member is a member', () => {
    expect(toScim({ userType: 'Member' }, full).userType).toBe('Employee');
    expect(toScim({ userType: 'guest' }, full).userType).toBe('Guest');
  });

  test('names in any case; annotations and passwordProfile are not the user’s', () => {
    const after = toScim({ JobTitle: 'X', '@odata.type': '#microsoft.graph.user', passwordProfile: {} }, full);
    expect(after).toEqual({ ...full, title: 'X' });
  });

  test.each([
    [{ displayName: '' }, "Invalid value specified for property 'displayName' of resource 'User'."],
    [{ displayName: 'x'.repeat(257) }, "Invalid value specified for property 'displayName' of resource 'User'."],
    [{ displayName: null }, "Invalid value specified for property 'displayName' of resource 'User'."],
    [{ department: 7 }, "Invalid value specified for property 'department' of resource 'User'."],
    [{ city: 'a\u0000b' }, "Invalid value specified for property 'city' of resource 'User'."],
    [{ accountEnabled: 'true' }, "Invalid value specified for property 'accountEnabled' of resource 'User'."],
    [{ otherMails: 'a@b.example' }, "Invalid value specified for property 'otherMails' of resource 'User'."],
    [{ otherMails: ['nowhere'] }, "Invalid value specified for property 'otherMails' of resource 'User'."],
    [{ businessPhones: ['1', '2'] }, "Invalid value specified for property 'businessPhones' of resource 'User'."],
    [{ usageLocation: 'GER' }, "Invalid value specified for property 'usageLocation' of resource 'User'."],
    [{ employeeOrgData: { room: 1 } }, "Invalid value specified for property 'employeeOrgData' of resource 'User'."],
    [{ userPrincipalName: 'ada' }, 'Property userPrincipalName is invalid.'],
    [{ proxyAddresses: [] }, "Property 'proxyAddresses' is read-only and cannot be set."],
    [{ id: 'x' }, "Property 'id' is read-only and cannot be set."],
    [{ onPremisesSyncEnabled: false }, "Property 'onPremisesSyncEnabled' is read-only and cannot be set."],
    [{ shoeSize: 7 }, "Property 'shoeSize' does not exist as a declared property or extension property."],
    [[], 'A JSON object is required as the body of the request.'],
  ])('%j', (patch, message) => {
    expect(thrown(() => toScim(patch, full))).toEqual([400, 'Request_BadRequest', message]);
  });

  test.each(['accountEnabled', 'displayName', 'mailNickname', 'passwordProfile', 'userPrincipalName'])(
    'a new user needs %s',
    (name) => {
      const { [name as keyof typeof account]: _left, ...rest } = account;
      const message = `A value is required for property '${name}' of resource 'User'.`;
      expect(thrown(() => toScim(rest))).toEqual([400, 'Request_BadRequest', message]);
    },
  );
});
