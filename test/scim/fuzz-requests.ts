// Random requests of a sync client: mostly what one would send, some nearly right, some mad.

import fc from 'fast-check';
import { coreGroup } from '../../connector/store/groups.ts';
import { core, enterprise, patchOp } from './scim-server.ts';

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

// Values --------------------------------------------------------------------------------------------------------

/** `{U1}` becomes the id of the last User but one, `{G0}` that of the last Group, so that requests meet. */
const person = fc.nat(3).map((at) => `{U${at}}`);
const crowd = fc.nat(3).map((at) => `{G${at}}`);
const slot = fc.oneof(person, crowd);
const word = fc.constantFrom('a', 'B', 'ada', 'ADA', 'İ', 'ß', 'ς', 'work', 'home', '%', "'", '\\', '"', ' ', '');
const text = fc.oneof(
  { weight: 30, arbitrary: word },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom('\u0000', '\ud800', 'a\nb', 'x'.repeat(400)) },
);
const odd = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.constantFrom<unknown[]>(null, true, false, 'True', 0, -1, 1e21, '', [], {}, [null], [[]], 'bulkId:a'),
  fc.jsonValue({ maxDepth: 3 }),
);
/** A value that fits in most cases, and anything else in some. */
const mostly = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ weight: 60, arbitrary }, { weight: 1, arbitrary: odd });

const emails = fc.array(
  fc.record({ value: mostly(text), type: mostly(text), primary: mostly(fc.boolean()) }, { requiredKeys: ['value'] }),
  { maxLength: 3 },
);
const userName = fc.oneof(
  word,
  fc.nat(40).map((at) => `user-${at}`),
);
const userBody = fc.record(
  {
    schemas: mostly(fc.constant([core])),
    userName: mostly(userName),
    externalId: mostly(text),
    displayName: mostly(text),
    title: mostly(text),
    active: mostly(fc.boolean()),
    name: mostly(fc.record({ givenName: text, familyName: text })),
    emails: mostly(emails),
    roles: mostly(emails),
    x509Certificates: mostly(fc.constant([{ value: 'AAAA' }])),
    profileUrl: mostly(fc.constant('https://example.com/')),
    groups: odd,
    meta: odd,
    [enterprise]: mostly(fc.record({ department: text, manager: mostly(fc.record({ value: slot })) })),
  },
  { requiredKeys: ['schemas', 'userName'] },
);
const memberList = fc.array(fc.record({ value: mostly(slot), display: odd }, { requiredKeys: ['value'] }), {
  maxLength: 4,
});
const groupBody = fc.record(
  {
    schemas: mostly(fc.constant([coreGroup])),
    displayName: mostly(text),
    externalId: mostly(text),
    members: mostly(memberList),
  },
  { requiredKeys: ['schemas', 'displayName'] },
);

const attribute = fc.constantFrom(
  ...['userName', 'externalId', 'displayName', 'title', 'active', 'name', 'name.givenName', 'emails', 'emails.value'],
  ...['emails.type', 'emails.primary', 'roles', 'members', 'members.value', 'groups', 'groups.value', 'manager', 'id'],
  ...['meta', 'meta.created', 'meta.lastModified', 'meta.version', 'schemas', 'password', 'x509Certificates'],
  ...[`${enterprise}:manager`, `${enterprise}:department`, enterprise, core, `${core}:userName`, 'nothing', 'USERNAME'],
);
const operator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'pr', 'EQ', 'regex');
const literal = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  slot.map((value) => JSON.stringify(value)),
  fc.constantFrom('true', 'false', 'null', '5', '"2026-11-22T09:00:00Z"', '"True"', 'bare', '"'),
);
const term = fc
  .tuple(attribute, operator, literal)
  .map(([name, how, value]) => (how === 'pr' ? `${name} pr` : `${name} ${how} ${value}`));
const inner = fc.tuple(fc.constantFrom('type', 'value', 'primary', 'display', '$ref', 'x'), operator, literal);
const filter = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    term,
    fc.tuple(attribute, inner).map(([name, [sub, how, value]]) => `${name}[${sub} ${how} ${value}]`),
    fc.tuple(tie('filter'), fc.constantFrom('and', 'or'), tie('filter')).map((parts) => parts.join(' ')),
    tie('filter').map((one) => `(${one})`),
    tie('filter').map((one) => `not (${one})`),
    text,
  ),
})).filter;

const path = fc.oneof(
  attribute,
  fc
    .tuple(
      fc.constantFrom('emails', 'members', 'roles', 'addresses', 'name'),
      inner,
      fc.constantFrom('', '.value', '.type', '.x'),
    )
    .map(([name, [sub, how, value], rest]) => `${name}[${sub} ${how} ${value}]${rest}`),
  text,
);
const patchValue = fc.oneof(odd, emails, memberList, slot, userBody, groupBody);
const wild = fc.record(
  {
    op: mostly(fc.constantFrom('add', 'replace', 'remove', 'Add', 'Replace', 'Remove')),
    path: mostly(path),
    value: patchValue,
  },
  { requiredKeys: ['op'] },
);
/** What clients send. */
const tame = (users: boolean) =>
  users
    ? fc.oneof(
        fc.record({
          op: fc.constantFrom('add', 'Replace'),
          path: fc.constantFrom('title', 'displayName', 'name.givenName', 'userName'),
          value: mostly(userName),
        }),
        fc.record({ op: fc.constantFrom('add', 'replace'), path: fc.constant('emails'), value: mostly(emails) }),
        fc.record({
          op: fc.constant('Replace'),
          path: fc.constant('active'),
          value: fc.constantFrom('True', 'False', true, false),
        }),
        fc.record({
          op: fc.constant('Add'),
          path: fc.constantFrom('emails[type eq "work"].value', 'roles[primary eq "True"].value'),
          value: mostly(text),
        }),
        fc.record({
          op: fc.constant('Replace'),
          path: fc.constant(`${enterprise}:manager`),
          value: fc.oneof(person, fc.constant('')),
        }),
        fc.record({
          op: fc.constant('remove'),
          path: fc.constantFrom('title', 'emails', 'emails[type eq "work"]', enterprise, 'nickName'),
        }),
        fc.record({
          op: fc.constant('replace'),
          value: fc.record({ title: mostly(text), 'name.familyName': mostly(text) }),
        }),
      )
    : fc.oneof(
        fc.record({
          op: fc.constantFrom('add', 'Add', 'replace'),
          path: fc.constant('members'),
          value: mostly(memberList),
        }),
        fc.record({ op: fc.constant('Remove'), path: fc.constant('members'), value: mostly(memberList) }),
        fc.record({ op: fc.constant('remove'), path: slot.map((id) => `members[value eq "${id}"]`) }),
        fc.record({ op: fc.constant('replace'), path: fc.constant('displayName'), value: mostly(text) }),
        fc.record({ op: fc.constant('remove'), path: fc.constantFrom('members', 'externalId') }),
      );
const patchOf = (users: boolean) =>
  fc.record({
    schemas: mostly(fc.constant([patchOp])),
    Operations: mostly(
      fc.array(fc.oneof({ weight: 5, arbitrary: tame(users) }, { weight: 1, arbitrary: wild }), {
        minLength: 1,
        maxLength: 3,
      }),
    ),
  });

// Requests ------------------------------------------------------------------------------------------------------

const parameters = fc.record(
  {
    filter,
    sortBy: fc.oneof(attribute, text),
    sortOrder: fc.constantFrom('ascending', 'descending', 'Descending', 'up'),
    startIndex: fc.constantFrom('1', '2', '0', '-3', '5', '1000000', 'x', ''),
    count: fc.constantFrom('0', '1', '2', '100', '-1', '99999999', 'x'),
    cursor: fc.oneof(fc.constantFrom('', '{cursor}', '{cursor}', 'x', '1.a.b.c'), text),
    attributes: fc.array(fc.oneof(attribute, text), { maxLength: 3 }).map((names) => names.join(',')),
    excludedAttributes: fc.array(attribute, { maxLength: 2 }).map((names) => names.join(',')),
    aadOptscim062020: fc.constant(''),
  },
  { requiredKeys: [] },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: parameters.map((given) => `?${new URLSearchParams(given)}`) },
);
const endpointName = fc.constantFrom('/Users', '/Groups');
const oneUser = person.map((id) => `/Users/${id}`);
const oneGroup = crowd.map((id) => `/Groups/${id}`);
const resource = fc.oneof(
  oneUser,
  oneGroup,
  fc.tuple(endpointName, slot).map((parts) => parts.join('/')),
);
const tag = fc.constantFrom('W/"1"', 'W/"2"', '"1"', '*', 'x', 'W/"1", W/"2"', '');
const headers = fc.oneof(
  { weight: 30, arbitrary: fc.constant({}) },
  { weight: 8, arbitrary: fc.record({ 'if-match': tag, 'if-none-match': tag }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.constantFrom({ prefer: 'respond-async' }, { prefer: 'x' }) },
  fc.constantFrom(
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json; charset=utf-8' },
    { authorization: 'x' },
  ),
) as fc.Arbitrary<Record<string, string>>;

const search = parameters.map(({ attributes, excludedAttributes, ...given }) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'],
  ...given,
  ...(attributes === undefined ? {} : { attributes: attributes.split(',') }),
  ...(excludedAttributes === undefined ? {} : { excludedAttributes: excludedAttributes.split(',') }),
}));
const single = (method: string, where: fc.Arbitrary<string>, data?: fc.Arbitrary<unknown>) =>
  fc.record(
    {
      method: mostly(fc.constant(method)),
      path: mostly(where),
      version: tag,
      bulkId: mostly(bulkId),
      ...(data ? { data: mostly(data) } : {}),
    },
    {
      requiredKeys:
        method === 'POST'
          ? ['method', 'path', 'bulkId', ...(data ? (['data'] as const) : [])]
          : ['method', 'path', ...(data ? (['data'] as const) : [])],
    },
  );
const bulkId = fc.nat(20).map((at) => `b${at}`);
const reference = bulkId.map((id) => `bulkId:${id}`);
const operation = fc.oneof(
  single('POST', fc.constant('/Users'), userBody),
  single('POST', fc.constant('/Users'), fc.record({ schemas: fc.constant([core]), userName, manager: reference })),
  single(
    'POST',
    fc.constant('/Groups'),
    fc.record({
      schemas: fc.constant([coreGroup]),
      displayName: text,
      members: fc.array(fc.record({ value: reference }), { maxLength: 2 }),
    }),
  ),
  single('PUT', oneUser, userBody),
  single(
    'PATCH',
    fc.oneof(
      oneUser,
      reference.map((id) => `/Users/${id}`),
    ),
    patchOf(true),
  ),
  single('PATCH', oneGroup, patchOf(false)),
  single('DELETE', resource),
);
const bulkBody = fc.record(
  {
    schemas: mostly(fc.constant(['urn:ietf:params:scim:api:messages:2.0:BulkRequest'])),
    failOnErrors: fc.constantFrom<unknown[]>(0, 1, 2, 'x'),
    Operations: mostly(fc.array(operation, { maxLength: 6 })),
  },
  { requiredKeys: ['schemas', 'Operations'] },
);

const asked = <B>(method: fc.Arbitrary<string>, url: fc.Arbitrary<string>, body?: fc.Arbitrary<B>) =>
  fc.record({
    method,
    url: fc.tuple(url, query).map((parts) => parts.join('')),
    headers,
    ...(body ? { body } : {}),
  }) as fc.Arbitrary<Request>;
const is = fc.constant<string>;
export const request = fc.oneof(
  { weight: 5, arbitrary: asked(is('POST'), is('/Users'), userBody) },
  { weight: 3, arbitrary: asked(is('POST'), is('/Groups'), groupBody) },
  { weight: 3, arbitrary: asked(is('PATCH'), oneUser, patchOf(true)) },
  { weight: 3, arbitrary: asked(is('PATCH'), oneGroup, patchOf(false)) },
  { weight: 2, arbitrary: asked(is('PUT'), oneUser, userBody) },
  { weight: 1, arbitrary: asked(is('PUT'), oneGroup, groupBody) },
  { weight: 1, arbitrary: asked(is('DELETE'), resource) },
  { weight: 2, arbitrary: asked(is('GET'), resource) },
  { weight: 4, arbitrary: asked(is('GET'), fc.constantFrom('/Users', '/Groups', '/')) },
  { weight: 2, arbitrary: asked(is('POST'), fc.constantFrom('/.search', '/Users/.search', '/Groups/.search'), search) },
  { weight: 2, arbitrary: asked(is('POST'), is('/Bulk'), bulkBody) },
  {
    weight: 2,
    arbitrary: asked(
      fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      fc.oneof(
        fc.constantFrom(
          '/Schemas',
          '/ResourceTypes',
          '/ServiceProviderConfig',
          '/Me',
          '/Bulk',
          '/Nothing',
          '//',
          '/Users/%2F',
        ),
        text.map((one) => `/Users/${encodeURIComponent(one.toWellFormed())}`),
        text.map((one) => `/${encodeURIComponent(one.toWellFormed())}`),
      ),
      fc.oneof(odd, fc.constantFrom('{', '{"a":1,"a":2}', '[[[['), userBody),
    ),
  },
);

/** Something to begin with. */
export const beginnings: Request[] = [
  ...['ada', 'user-1', 'user-2'].map((userName) => ({
    ...{ method: 'POST', url: '/Users', headers: {} },
    body: { schemas: [core], userName, emails: [{ value: 'a', type: 'work' }] },
  })),
  ...['a', 'B'].map((displayName) => ({
    ...{ method: 'POST', url: '/Groups', headers: {} },
    body: { schemas: [coreGroup], displayName, members: [{ value: '{U0}' }] },
  })),
];
