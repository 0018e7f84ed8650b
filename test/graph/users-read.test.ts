// GET /users, /users/{id}, /users/$count: as a real tenant answers, in its words.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enterpriseUser, graphUser } from '../../connector/store/user-resource.ts';
import { people } from '../people.ts';
import { advanced, base, type Reading, reading } from './reading.ts';

let server: Reading;
let ada: string;
let guest: string;
const guestName = 'grace_navy.example#EXT#@contoso.example';

beforeAll(async () => {
  server = await reading();
  ada = await server.add({
    userName: 'ada@contoso.example',
    displayName: 'Ada Lovelace',
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    title: 'Analyst',
    emails: [
      { value: 'Ada.Lovelace@contoso.example', type: 'work', primary: true },
      { value: 'ada@mail.example', type: 'home' },
      { value: 'countess@contoso.example', type: 'other' },
    ],
    phoneNumbers: [
      { value: '+44 20 1', type: 'work' },
      { value: '+44 77 2', type: 'mobile' },
    ],
    [enterpriseUser]: { department: 'Engines' },
    [graphUser]: { onPremisesSyncEnabled: true, usageLocation: 'GB' },
  });
  server.clock.at += 1000;
  guest = await server.add({ userName: guestName, displayName: "Grace O'Hopper", userType: 'Guest', active: false });
  server.clock.at += 1000;
  for (const person of people.slice(0, 5)) await server.add({ ...person, userName: `p-${person.userName}` });
  await server.password(ada);
});
afterAll(() => server[Symbol.asyncDispose]());

const as = { scopes: ['User.Read.All'] };
const eventual = { ...as, headers: advanced };

describe('GET /users/{id}', () => {
  test('the default eleven, by id in any case, by userPrincipalName in any case', async () => {
    const { status, text, body } = await server.get(`/users/${ada}`, as);
    expect(status).toBe(200);
    expect(body).toEqual({
      '@odata.context': `${base}/$metadata#users/$entity`,
      businessPhones: ['+44 20 1'],
      displayName: 'Ada Lovelace',
      givenName: 'Ada',
      jobTitle: 'Analyst',
      mail: 'Ada.Lovelace@contoso.example',
      mobilePhone: '+44 77 2',
      officeLocation: null,
      preferredLanguage: null,
      surname: 'Lovelace',
      userPrincipalName: 'ada@contoso.example',
      id: ada,
    });
    for (const key of [ada.toUpperCase(), 'ada@contoso.example', 'ADA%40Contoso.Example']) {
      expect((await server.get(`/users/${key}`, as)).text).toBe(text);
    }
    const captured = await fixtures();
    if (captured) expect(Object.keys(body).sort()).toEqual([...captured['graph-user-shape'].keys].sort());
  });

  test('a guest, by object id and by an encoded user name', async () => {
    for (const key of [guest, encodeURIComponent(guestName)]) {
      const { body } = await server.get(`/users/${key}?$select=userType,accountEnabled,userPrincipalName`, as);
      expect(body).toEqual({
        '@odata.context': `${base}/$metadata#users(userType,accountEnabled,userPrincipalName)/$entity`,
        userPrincipalName: guestName,
        accountEnabled: false,
        userType: 'Guest',
      });
    }
  });

  test('$select: beyond the default, in any case, and what does not exist selects nothing', async () => {
    const { body } = await server.get(
      `/users/${ada}?$select=ID,otherMails,onPremisesSyncEnabled,lastPasswordChangeDateTime,passwordProfile,proxyAddresses`,
    );
    expect(body).toEqual({
      '@odata.context': `${base}/$metadata#users(id,otherMails,onPremisesSyncEnabled,lastPasswordChangeDateTime,passwordProfile,proxyAddresses)/$entity`,
      id: ada,
      lastPasswordChangeDateTime: new Date(server.clock.at).toISOString(),
      onPremisesSyncEnabled: true,
      otherMails: ['ada@mail.example'],
      passwordProfile: null,
      proxyAddresses: [
        'smtp:ada@contoso.example',
        'SMTP:Ada.Lovelace@contoso.example',
        'smtp:countess@contoso.example',
      ],
    });
    const none = await server.get(`/users/${ada}?$select=noSuchProperty`, as);
    const context = `${base}/$metadata#users(noSuchProperty)/$entity`;
    expect([none.status, none.body]).toEqual([200, { '@odata.context': context }]);
    const captured = await fixtures();
    const real = captured?.['graph-error-bad-select'].body['@odata.context'];
    if (real) expect(real.replace('https://graph.microsoft.com/v1.0', base)).toBe(context);
    const guests = await server.get(`/users/${guest}?$select=lastPasswordChangeDateTime`, as);
    expect(guests.body.lastPasswordChangeDateTime).toBeNull();
  });

  test('404 for an unknown id, and for one that is none', async () => {
    for (const id of ['0a0a0a0a-0000-4000-8000-000000000000', 'not-a-valid-object-id', 'o%27clock']) {
      const named = decodeURIComponent(id);
      const message = `Resource '${named}' does not exist or one of its queried reference-property objects are not present.`;
      expect(await server.refusal(`/users/${id}`, as)).toEqual([404, 'Request_ResourceNotFound', message]);
    }
  });

  test('another organisation’s people are nobody', async () => {
    expect((await server.get(`/users/${ada}`, { ...as, tenant: 1 })).status).toBe(404);
    expect(await server.names('', { ...as, tenant: 1 })).toEqual(['zz-caller']);
  });
});

describe('permissions', () => {
  test('User.ReadBasic.All shows the basic profile alone, and answers no question about the rest', async () => {
    for (const basic of [{ scopes: ['User.ReadBasic.All'] }, { scopes: ['User.ReadBasic.All'], app: true as const }]) {
      const { body } = await server.get(`/users/${ada}`, basic);
      expect(Object.keys(body).sort()).toEqual(
        ['@odata.context', 'displayName', 'givenName', 'id', 'mail', 'surname', 'userPrincipalName'].sort(),
      );
      const select = '$select=id,jobTitle,otherMails,lastPasswordChangeDateTime,securityIdentifier';
      const picked = await server.get(`/users/${ada}?${select}`, basic);
      expect(Object.keys(picked.body)).toEqual(['@odata.context', 'id', 'securityIdentifier']);
      const all = await server.get(`/users/${ada}?$select=*`, basic);
      expect(Object.keys(all.body)).toHaveLength(8);
      const listed = await server.get('/users', basic);
      expect(listed.body.value[0]).not.toHaveProperty('jobTitle');
      const denied = [403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'];
      for (const query of [
        "$filter=jobTitle eq 'Analyst'",
        "$filter=displayName eq 'x' and otherMails/any(x:startswith(x,'ada'))",
        '$filter=otherMails/$count ne 0&$count=true',
        '$search="otherMails:ada"',
        '$orderby=createdDateTime&$count=true',
      ]) {
        expect(await server.refusal(`/users?${query}`, { ...basic, headers: advanced })).toEqual(denied);
      }
      expect(await server.names("$filter=startswith(mail,'ada.love')", basic)).toEqual(['ada@contoso.example']);
    }
  });

  test('User.Read is about oneself; nobody else is there', async () => {
    const own = { scopes: ['User.Read'], oid: ada };
    expect((await server.get(`/users/${ada}`, own)).body.jobTitle).toBe('Analyst');
    expect((await server.get('/users/ada@contoso.example', own)).status).toBe(200);
    for (const path of [`/users/${server.caller}`, '/users/nobody', '/users', '/users/$count', '/users/delta']) {
      expect((await server.get(path, own)).status).toBe(403);
    }
    expect((await server.get(`/users/${ada}`, { scopes: ['User.Read'], app: true })).status).toBe(403);
  });

  test.each(['User.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'])('%s reads', async (scope) => {
    expect((await server.get(`/users/${ada}`, { scopes: [scope] })).body.jobTitle).toBe('Analyst');
    expect((await server.get('/users', { scopes: [scope], app: true })).status).toBe(200);
    expect((await server.get('/users', { scopes: ['Mail.Send'] })).status).toBe(403);
  });
});

describe('GET /users', () => {
  test('a page, its link, and the order of creation', async () => {
    const first = await server.get('/users?$top=2', as);
    expect(first.body['@odata.context']).toBe(`${base}/$metadata#users`);
    expect(first.headers.get('content-type')).toBe(
      'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
    );
    expect(first.body.value.map(({ id }: { id: string }) => id)).toEqual([ada, guest]);
    expect(first.body['@odata.nextLink']).toMatch(/^https:\/\/connector\.example\/v1\.0\/users\?\$top=2&\$skiptoken=/);
    expect(Object.keys(first.body)).toEqual(['@odata.context', '@odata.nextLink', 'value']);
    const names: string[] = [];
    for (let link: string | undefined = `${base}/users?$top=3&$select=userPrincipalName`; link; ) {
      const { status, body }: Awaited<ReturnType<Reading['get']>> = await server.get(link, as);
      expect([status, body['@odata.context']]).toEqual([200, `${base}/$metadata#users(userPrincipalName)`]);
      for (const user of body.value) expect(Object.keys(user)).toEqual(['userPrincipalName']);
      names.push(...body.value.map((user: { userPrincipalName: string }) => user.userPrincipalName));
      link = body['@odata.nextLink'];
    }
    expect(names).toEqual(await server.names('$top=999', as));
    expect(names).toHaveLength(8);
  });

  test('a $skiptoken is good for its query and organisation, for an hour, and cannot be made', async () => {
    const { body } = await server.get(
      "/users?$top=1&$filter=startswith(userPrincipalName,'p-')&$orderby=displayName&$count=true",
      eventual,
    );
    expect(body['@odata.count']).toBe(5);
    const link: string = body['@odata.nextLink'];
    const second = await server.get(link, eventual);
    expect(second.status).toBe(200);
    // Counted on the first page alone; and the header has to be sent again.
    expect(second.body).not.toHaveProperty('@odata.count');
    expect((await server.get(link, as)).status).toBe(400);
    const message = 'The $skiptoken is not valid for this query.';
    const token = /\$skiptoken=([^&]+)/.exec(link)?.[1] ?? '';
    for (const query of [
      `$top=1&$skiptoken=${token}`,
      '$skiptoken=X',
      `$skiptoken=${token.slice(0, -2)}AA`,
      "$skiptoken='a'",
    ]) {
      expect(await server.refusal(`/users?${query}`, eventual)).toEqual([400, 'Request_UnsupportedQuery', message]);
    }
    expect((await server.get(link, { ...eventual, tenant: 1 })).status).toBe(400);
    server.clock.at += 3_600_001;
    expect((await server.refusal(link, eventual)).slice(0, 2)).toEqual([400, 'Directory_ExpiredPageToken']);
    server.clock.at -= 3_600_001;
  });

  test('a name of any length can be sorted behind', async () => {
    await using long = await reading();
    for (const letter of ['a', 'b', 'c']) {
      await long.add({ userName: `${letter}@contoso.example`, displayName: letter.repeat(20_000) });
    }
    const names: string[] = [];
    for (let link: string | undefined = '/users?$orderby=displayName&$top=1&$select=userPrincipalName'; link; ) {
      const { status, body }: Awaited<ReturnType<Reading['get']>> = await long.get(link, as);
      expect(status).toBe(200);
      names.push(body.value[0].userPrincipalName[0]);
      link = body['@odata.nextLink'];
    }
    expect(names).toEqual(['a', 'b', 'c', 'z']);
  });

  test('$count: silently nothing without the header, @odata.count with it, and the segment', async () => {
    expect((await server.get('/users?$count=true', as)).body).not.toHaveProperty('@odata.count');
    expect((await server.get('/users?$count=true', eventual)).body['@odata.count']).toBe(8);
    expect((await server.get('/users?$count=true&consistencyLevel=eventual', as)).body['@odata.count']).toBe(8);
    expect(await server.refusal('/users/$count', as)).toEqual([
      400,
      'Request_BadRequest',
      '$count is not currently supported.',
    ]);
    const counted = await server.get("/users/$count?$filter=userType ne 'Guest'", eventual);
    expect([counted.status, counted.text, counted.headers.get('content-type')]).toEqual([200, '7', 'text/plain']);
  });

  const found: [string, string[]][] = [
    ["$filter=userPrincipalName eq 'ADA@contoso.example'", ['ada@contoso.example']],
    ["filter=userPrincipalName eq 'ada@contoso.example'", ['ada@contoso.example']],
    ["$FILTER=UserPrincipalName eq 'ada@contoso.example'", ['ada@contoso.example']],
    ["$filter=userPrincipalName%20eq%20'ada@contoso.example'", ['ada@contoso.example']],
    ["$filter=mail+eq+'ada.lovelace@contoso.example'", ['ada@contoso.example']],
    ["$filter=mail eq 'countess@contoso.example'", []],
    ["$filter=proxyAddresses/any(p:p eq 'SMTP:countess@contoso.example')", ['ada@contoso.example']],
    ["$filter=proxyAddresses/any(p:p eq 'countess@contoso.example')", []],
    ["$filter=proxyAddresses/any(p:startswith(p,'SM')) and accountEnabled eq false", [guestName]],
    ["$filter=otherMails/any(x:x eq 'ADA@mail.example')", ['ada@contoso.example']],
    ["$filter=displayName eq 'Grace O''Hopper'", [guestName]],
    ["$filter=startswith(displayName,'ada l') and accountEnabled eq true", ['ada@contoso.example']],
    ["$filter=userType eq 'Guest'", [guestName]],
    ["$filter=startswith(givenName,'ad') and department eq 'Engines'", ['ada@contoso.example']],
    ['$filter=accountEnabled eq false', [guestName]],
    ["$filter=mail in ('x@y.example', 'ada.lovelace@contoso.example')", ['ada@contoso.example']],
    ['$filter=onPremisesSyncEnabled eq true', ['ada@contoso.example']],
    ['$filter=createdDateTime le 2026-11-22T09:00:00Z', ['ada@contoso.example', 'zz-caller']],
    ["$filter=businessPhones/any(p:startswith(p,'+44'))".replace('+', '%2B'), ['ada@contoso.example']],
    [
      "$filter=identities/any(i:i/issuerAssignedId eq 'ada@contoso.example' and i/issuer eq 'contoso.example')",
      ['ada@contoso.example'],
    ],
  ];
  test.each(found)('%s', async (query, names) => {
    expect(await server.names(query, as)).toEqual(names);
    // What an ordinary query may ask an advanced one may as well.
    expect(await server.names(`${query}&$count=true`, eventual)).toEqual(names);
  });

  const foundAdvanced: [string, string[]][] = [
    ["$filter=endswith(mail,'LACE@contoso.example')", ['ada@contoso.example']],
    ["$filter=endswith(userPrincipalName,'%23EXT%23@contoso.example')", [guestName]],
    ["$filter=mobilePhone eq '%2B44 77 2'", ['ada@contoso.example']],
    [
      "$filter=not startswith(userPrincipalName,'p-') and not(userType eq 'guest')",
      ['ada@contoso.example', 'zz-caller'],
    ],
    ["$filter=department ne null and department eq 'engines'", ['ada@contoso.example']],
    ["$filter=otherMails/$count eq 0 and not startswith(userPrincipalName,'p-')", [guestName, 'zz-caller']],
    ["$filter=proxyAddresses/any(p:endswith(p,'countess@contoso.example'))", ['ada@contoso.example']],
    ["$filter=startswith(userPrincipalName,'ada')&$orderby=createdDateTime desc", ['ada@contoso.example']],
  ];
  test.each(foundAdvanced)('advanced: %s', async (query, names) => {
    expect(await server.names(`${query}&$count=true`, eventual)).toEqual(names);
    expect((await server.get(`/users?${query}&$count=true`, as)).status).toBe(400);
    expect((await server.get(`/users?${query}`, eventual)).status).toBe(400);
  });

  test('$orderby', async () => {
    const names = await server.names('$top=999', as);
    expect(await server.names('$orderby=userPrincipalName desc', as)).toEqual([...names].sort().reverse());
    const shown = (await server.get('/users?$orderby=displayName&$top=999', as)).body.value;
    const keys = shown.map(({ displayName }: { displayName: string }) => displayName.toLowerCase());
    expect(keys).toEqual([...keys].sort());
    const created = await server.names('$orderby=createdDateTime desc&$count=true', eventual);
    expect(created.slice(-2)).toEqual(['zz-caller', 'ada@contoso.example']);
  });

  test('$search: words of the name in any order, the beginning of anything else', async () => {
    const search = (text: string) => server.names(`$search=${encodeURIComponent(text)}`, eventual);
    expect(await search('"displayName:love ADA"')).toEqual(['ada@contoso.example']);
    expect(await search('"displayName:lovelaces"')).toEqual([]);
    expect(await search('"displayName:hopper"')).toEqual([guestName]);
    expect(await search('"displayName:adA LOVE" OR "userPrincipalName:grace"')).toEqual([
      'ada@contoso.example',
      guestName,
    ]);
    expect(await search('("displayName:ada" OR "displayName:grace") AND "mail:ada.l"')).toEqual([
      'ada@contoso.example',
    ]);
    expect(await search('"otherMails:ada@"')).toEqual(['ada@contoso.example']);
    expect(await search('"displayName:!!"')).toEqual([]);
    const narrowed = `$search="displayName:a"&$filter=accountEnabled eq false`;
    expect(await server.names(narrowed, eventual)).toEqual([]);
  });

  const refused: [string, boolean, string, string][] = [
    [
      '$search="displayName:ada"',
      false,
      'Request_UnsupportedQuery',
      "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
    ],
    [
      '$search=displayName:ada',
      true,
      'Request_UnsupportedQuery',
      "Syntax error: character 'd' is not valid at position 0 in 'displayName:ada'.",
    ],
    ['$search="shoeSize:7"', true, 'Request_UnsupportedQuery', "Unrecognized query argument specified: 'shoeSize:7'."],
    ["$filter=endswith(mail,'x')", false, 'Request_UnsupportedQuery', 'Unsupported Query.'],
    [
      "$filter=companyName eq 'x'",
      false,
      'Request_UnsupportedQuery',
      'The request uses a filter property that is not indexed',
    ],
    [
      '$filter=accountEnabled ne true',
      false,
      'Request_UnsupportedQuery',
      "Filter operator 'NotEqualsMatch' is not supported.",
    ],
    ["$filter=not(displayName eq 'x')", false, 'Request_UnsupportedQuery', 'Unsupported Query.'],
    ["$filter=contains(displayName,'x')", true, 'Request_UnsupportedQuery', 'Unsupported Query.'],
    ["$filter=otherMails/all(x:x eq 'a')", true, 'Request_UnsupportedQuery', 'Unsupported Query.'],
    [
      '$filter=lastPasswordChangeDateTime ge 2026-01-01T00:00:00Z',
      true,
      'Request_UnsupportedQuery',
      "Unsupported or invalid query filter clause specified for property 'lastPasswordChangeDateTime' of resource 'User'.",
    ],
    [
      "$filter=endswith(displayName,'x')",
      true,
      'Request_UnsupportedQuery',
      "Unsupported or invalid query filter clause specified for property 'displayName' of resource 'User'.",
    ],
    [
      "$filter=shoeSize eq '7'",
      false,
      'BadRequest',
      "Invalid filter clause: Could not find a property named 'shoeSize' on type 'microsoft.graph.user'.",
    ],
    [
      "$filter=accountEnabled eq 'true'",
      false,
      'BadRequest',
      "Invalid filter clause: A binary operator with incompatible types was detected. Found operand types 'Edm.Boolean' and 'Edm.String' for operator kind 'Equal'.",
    ],
    [
      "$filter=displayName eq 'x",
      false,
      'BadRequest',
      "Invalid filter clause: Syntax error at position 15 in 'displayName eq 'x'.",
    ],
    [
      "$filter=displayName equals 'x'",
      false,
      'BadRequest',
      "Invalid filter clause: Syntax error at position 12 in 'displayName equals 'x''.",
    ],
    [
      "$filter=displayName eq 'x'&$orderby=displayName",
      false,
      'Request_UnsupportedQuery',
      'Sorting not supported for current query.',
    ],
    ['$orderby=createdDateTime', false, 'Request_UnsupportedQuery', 'Sorting not supported for current query.'],
    ['$orderby=jobTitle', false, 'Request_UnsupportedQuery', "Unsupported sort property 'jobTitle' for 'User'."],
    [
      '$top=0',
      false,
      'Request_UnsupportedQuery',
      "Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
    ],
    [
      '$top=1000',
      false,
      'Request_UnsupportedQuery',
      "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
    ],
    [
      '$top=many',
      false,
      'BadRequest',
      "Invalid value 'many' for $top query option found. The $top query option requires a non-negative integer value.",
    ],
    [
      '$count=1',
      false,
      'BadRequest',
      "Invalid value '1' for $count query option found. Valid values are 'true' and 'false'.",
    ],
    ['$skip=5', false, 'Request_UnsupportedQuery', "'$skip' is not supported by the service."],
    ['$expand=manager', false, 'Request_UnsupportedQuery', "The query parameter '$expand' is not supported."],
    [
      '$top=1&top=2',
      false,
      'Request_UnsupportedQuery',
      "Query option '$top' was specified more than once, but it must be specified at most once.",
    ],
    ['$fliter=x', false, 'Request_UnsupportedQuery', "The query parameter '$fliter' is not supported."],
    ['$format=atom', false, 'Request_UnsupportedQuery', "The $format 'atom' is not supported."],
    [
      `$filter=${Array.from({ length: 16 }, (_, n) => `displayName eq '${n}'`).join(' or ')}`,
      false,
      'Request_UnsupportedQuery',
      "Too many child clauses specified in search filter expression containing 'OR' operators: 16. Max allowed: 15.",
    ],
  ];
  test.each(refused)('%s (eventual: %s) → %s', async (query, withHeader, code, message) => {
    expect(
      await server.refusal(
        `/users?${query}&$count=true`.replace('$count=1&$count=true', '$count=1'),
        withHeader ? eventual : as,
      ),
    ).toEqual([400, code, message]);
  });

  test('broken percent-encoding is refused, options of the client’s own mean nothing', async () => {
    expect((await server.get('/users?$filter=%E0%A4%A', as)).status).toBe(400);
    expect(await server.names('trace=1&!special', as)).toHaveLength(8);
  });
});

async function fixtures() {
  const url = new URL('../../../shared/data/real-tenant-fixtures/graph-fixtures.json', import.meta.url);
  const text = await readFile(url, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}
