// RFC 7643 §3.3: schema extensions of an organisation, from the file to the filter.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExtensionError, parseExtensions } from '../../connector/scim/extensions.ts';
import { resourceTypes } from '../../connector/scim/resource-types.ts';
import { graphGroup } from '../../connector/store/groups.ts';
import { graphUser } from '../../connector/store/user-resource.ts';
import { command, freePort, installation } from '../serving.ts';
import { core, enterprise, groupSchema, scimServer } from './scim-server.ts';

const hr = 'urn:example:params:scim:schemas:hr:2.0:User';
const cost = 'urn:example:params:scim:schemas:cost:1.0:Group';

const declared = [
  {
    resourceType: 'User',
    schema: {
      id: hr,
      name: 'HR',
      description: 'What the HR system knows',
      attributes: [
        { name: 'age', type: 'integer' },
        { name: 'badge', type: 'string', mutability: 'immutable', caseExact: true },
        { name: 'hired', type: 'dateTime' },
        { name: 'ratio', type: 'decimal' },
        { name: 'key', type: 'binary' },
        { name: 'page', type: 'reference', referenceTypes: ['external'] },
        { name: 'remote', type: 'boolean' },
        { name: 'salary', type: 'decimal', returned: 'request' },
        { name: 'tags', type: 'string', multiValued: true },
        { name: 'shift', type: 'string', canonicalValues: ['Early', 'Late'] },
        {
          name: 'desk',
          type: 'complex',
          subAttributes: [
            { name: 'building', required: true },
            { name: 'floor', type: 'integer' },
          ],
        },
        {
          name: 'trainings',
          type: 'complex',
          multiValued: true,
          subAttributes: [{ name: 'value' }, { name: 'type' }, { name: 'primary', type: 'boolean' }],
        },
      ],
    },
  },
  {
    resourceType: 'Group',
    required: true,
    schema: { id: cost, name: 'Cost', attributes: [{ name: 'center', required: true }, { name: 'note' }] },
  },
];
const parse = (value: unknown) => parseExtensions(JSON.stringify(value), resourceTypes);
const extensions = parse(declared);

describe('the file', () => {
  const attribute = (more: object) => [{ resourceType: 'User', schema: { id: hr, name: 'x', attributes: [more] } }];
  test.each([
    ['no array', {}, /The file must hold an array/],
    ['no object', [5], /Extension 1 must be an object/],
    [
      'a type that is not there',
      [{ resourceType: 'Device' }],
      /“resourceType” of Extension 1 must be “User” or “Group”/,
    ],
    ['a typing error', [{ resorceType: 'User' }], /has “resorceType”, which means nothing here/],
    ['no schema', [{ resourceType: 'User' }], /“schema” of Extension 1 must be an object/],
    [
      'an id that is no URN',
      [{ resourceType: 'User', schema: { id: 'hr', name: 'x' } }],
      /id “hr” must be a URN such as/,
    ],
    [
      'the id of another',
      [{ resourceType: 'User', schema: { ...declared[0]?.schema, id: enterprise.toUpperCase() } }],
      /is there already/,
    ],
    ['the same twice', [declared[0], declared[0]], /is there already/],
    [
      'no attributes',
      [{ resourceType: 'User', schema: { id: hr, name: 'x', attributes: [] } }],
      /must be an array with attributes/,
    ],
    ['a name with a dot', attribute({ name: 'a.b' }), /“a.b” .* must be named with letters/],
    ['no name', attribute({}), /“name” of attributes\[0\] .* must be a text/],
    ['an unknown type', attribute({ name: 'a', type: 'date' }), /“type” of the attribute “a” .* must be “string” or/],
    ['complex without parts', attribute({ name: 'a', type: 'complex' }), /is complex and has no “subAttributes”/],
    ['simple with parts', attribute({ name: 'a', subAttributes: [{ name: 'b' }] }), /is not complex and has/],
    [
      'complex in complex',
      attribute({ name: 'a', type: 'complex', subAttributes: [{ name: 'b', type: 'complex' }] }),
      /“type” of the attribute “b”/,
    ],
    [
      'what nobody could set',
      attribute({ name: 'a', mutability: 'readOnly' }),
      /“mutability” .* must be “readWrite” or “immutable”/,
    ],
    ['a secret', attribute({ name: 'a', returned: 'never' }), /“returned” .* must be “default” or “request”/],
    ['uniqueness', attribute({ name: 'a', uniqueness: 'server' }), /“uniqueness” .* must be “none”/],
    ['a flag that is none', attribute({ name: 'a', required: 'yes' }), /“required” .* must be true or false/],
    [
      'values that are none',
      attribute({ name: 'a', canonicalValues: [1] }),
      /“canonicalValues” .* must be an array of texts/,
    ],
    ['references of a text', attribute({ name: 'a', referenceTypes: ['uri'] }), /is not a reference and has/],
  ])('%s is refused with a sentence that names the place', (_what, value, sentence) => {
    expect(() => parse(value)).toThrow(ExtensionError);
    expect(() => parse(value)).toThrow(sentence);
  });

  test('one name in two cases is one name', () => {
    const both = [{ resourceType: 'User', schema: { id: hr, name: 'x', attributes: [{ name: 'a' }, { name: 'A' }] } }];
    expect(() => parse(both)).toThrow(/“A” of the schema .* stands twice/);
  });

  test('whatever it holds: extensions, or a sentence', () => {
    const leaf = fc.oneof(fc.constantFrom('User', hr, 'string', 'complex', null, true, 5, {}), fc.string());
    const names = ['resourceType', 'schema', 'id', 'name', 'attributes', 'type', 'subAttributes', 'required'];
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('node'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('node')),
      ),
    })).node;
    fc.assert(
      fc.property(value, (file) => {
        try {
          parse([file]);
        } catch (error) {
          if (!(error instanceof ExtensionError)) throw error;
          expect(error.message).toMatch(/\.$/);
        }
      }),
      { numRuns: 500 },
    );
    expect(() => parseExtensions('{', resourceTypes)).toThrow(/The file is not JSON/);
  });
});

describe('RR_SCIM_EXTENSIONS', () => {
  test('names the file; `check` tells what is in it or what is wrong, and a start without it ends there', async () => {
    const here = installation();
    const file = join(here.folder, 'extensions.json');
    const env = { ...here.env, RR_SCIM_EXTENSIONS: file };
    const missing = await command(env, 'check');
    expect([missing.code, missing.stdout]).toEqual([1, expect.stringContaining(`cannot be read: ${file}.`)]);
    writeFileSync(file, JSON.stringify(declared));
    const good = await command(env, 'check');
    expect([good.code, good.stdout]).toEqual([0, expect.stringContaining(`✓ SCIM extensions: ${hr} ${cost}`)]);
    writeFileSync(file, '[{ "resourceType": "Device" }]');
    const refused = await command({ ...env, RR_LISTEN: `127.0.0.1:${await freePort()}` }, 'serve');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^RR_SCIM_EXTENSIONS, .*extensions\.json: “resourceType” of Extension 1 must be /);
    here.remove();
  });
});

describe('at the door', () => {
  const details = {
    age: 36,
    badge: 'AbC',
    hired: '2024-02-01T08:00:00Z',
    ratio: 0.5,
    key: 'AAAA',
    page: 'https://a.example/x',
    remote: true,
    tags: ['red', 'blue'],
    shift: 'Early',
    desk: { building: 'A', floor: 2 },
    trainings: [{ value: 'Fire', type: 'safety', primary: true }],
  };
  const user = { schemas: [core, hr], userName: 'ada', [hr]: details };

  test('RFC 7644 §4 they are served by /Schemas and /ResourceTypes', async () => {
    await using server = await scimServer({ extensions });
    const schema = (await server.ask('GET', `/Schemas/${hr}`)).body;
    expect(schema).toMatchObject({
      id: hr,
      name: 'HR',
      attributes: [{ name: 'age', type: 'integer' }, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}],
    });
    expect((await server.ask('GET', '/ResourceTypes/User')).body.schemaExtensions).toEqual([
      { schema: enterprise, required: false },
      { schema: graphUser, required: false },
      { schema: hr, required: false },
    ]);
    expect((await server.ask('GET', '/ResourceTypes/Group')).body.schemaExtensions).toEqual([
      { schema: graphGroup, required: false },
      { schema: cost, required: true },
    ]);
  });

  test('they are validated, kept and sent; shift is written as the schema writes it', async () => {
    await using server = await scimServer({ extensions });
    const created = await server.create({ ...user, [hr]: { ...details, shift: 'EARLY' } });
    expect(created).toMatchObject({ schemas: [core, hr], [hr]: details });
    for (const wrong of [
      { age: 1.5 },
      { age: '5' },
      { hired: 'yesterday' },
      { hired: '2024-02-31' },
      { key: '?' },
      { page: 'a b' },
      { remote: 5 },
      { tags: 'red' },
      { tags: [5] },
      { desk: { floor: 1 } },
      { desk: 'A' },
    ]) {
      const { status, body } = await server.ask('POST', '/Users', { schemas: [core], userName: 'x', [hr]: wrong });
      expect([wrong, status, body.scimType]).toEqual([wrong, 400, 'invalidValue']);
      expect(body.detail).toContain(hr);
    }
  });

  test('RFC 7644 §3.4.2.2 they are filtered by, §3.9 projected, and sorted', async () => {
    await using server = await scimServer({ extensions });
    const { id } = await server.create(user);
    await server.create({ userName: 'bob', [hr]: { age: 20, tags: ['green'], badge: 'abc' } });
    const found = async (filter: string) =>
      (await server.ask('GET', `/Users?filter=${encodeURIComponent(filter)}`)).body.Resources?.map(
        ({ userName }: { userName: string }) => userName,
      );
    for (const filter of [
      `${hr}:age gt 30`,
      `${hr}:badge eq "AbC"`,
      `${hr}:hired ge "2024-02-01T09:00:00+01:00"`,
      `${hr}:tags eq "RED"`,
      `${hr}:tags[value sw "bl"]`,
      `${hr}:desk.building eq "a"`,
      `${hr}:trainings[type eq "safety" and value co "ir"]`,
      `${hr}:remote eq true and not (${hr}:ratio gt 0.5)`,
    ]) {
      expect([filter, await found(filter)]).toEqual([filter, ['ada']]);
    }
    expect((await server.ask('GET', `/Users?sortBy=${hr}:age`)).body.Resources[0].userName).toBe('bob');
    const asked = await server.ask('GET', `/Users/${id}?attributes=${hr}:desk.floor,${hr}:TAGS`);
    expect(asked.body[hr]).toEqual({ desk: { floor: 2 }, tags: ['red', 'blue'] });
  });

  test('RFC 7643 §7 returned: request is sent only when it is asked for', async () => {
    await using server = await scimServer({ extensions });
    const created = await server.create({ ...user, [hr]: { ...details, salary: 1.5 } });
    expect(created[hr]).toEqual(details);
    expect((await server.ask('GET', `/Users/${created.id}?excludedAttributes=name`)).body[hr]).toEqual(details);
    expect((await server.ask('GET', `/Users/${created.id}?attributes=${hr}:salary`)).body[hr]).toEqual({ salary: 1.5 });
    expect((await server.ask('GET', '/Users')).text).not.toContain('salary');
  });

  test('RFC 7644 §3.5.1, §3.5.2 immutable: what is set must match; what is not can be added', async () => {
    await using server = await scimServer({ extensions });
    const { id } = await server.create({ userName: 'ada' });
    expect((await server.patch(id, { op: 'add', path: `${hr}:badge`, value: 'AbC' })).body[hr]).toEqual({
      badge: 'AbC',
    });
    const refusal = async (operation: object) => (await server.patch(id, operation)).body.scimType;
    expect(await refusal({ op: 'replace', path: `${hr}:badge`, value: 'other' })).toBe('mutability');
    expect(await refusal({ op: 'remove', path: `${hr}:badge` })).toBe('mutability');
    expect(await refusal({ op: 'replace', path: `${hr}:badge`, value: 'AbC' })).toBeUndefined();
    const put = (badge: unknown) =>
      server.ask('PUT', `/Users/${id}`, { schemas: [core], userName: 'ada', ...(badge ? { [hr]: { badge } } : {}) });
    expect((await put('other')).body.scimType).toBe('mutability');
    expect((await put('AbC')).body[hr]).toEqual({ badge: 'AbC' });
    expect((await put(undefined)).body[hr]).toEqual({ badge: 'AbC' });
  });

  test('RFC 7644 §3.5.2 every path into them', async () => {
    await using server = await scimServer({ extensions });
    const { id } = await server.create(user);
    const patch = async (...operations: object[]) => {
      const { status, body } = await server.patch(id, ...operations);
      return status === 200 ? body[hr] : body.scimType;
    };
    expect((await patch({ op: 'add', path: `${hr}:tags`, value: ['green', 'red'] })).tags).toEqual([
      'red',
      'blue',
      'green',
    ]);
    expect((await patch({ op: 'add', path: `${hr}:tags`, value: 'grey' })).tags).toHaveLength(4);
    expect((await patch({ op: 'remove', path: `${hr}:tags`, value: ['grey'] })).tags).toEqual(['red', 'blue', 'green']);
    expect((await patch({ op: 'remove', path: `${hr}:tags[value eq "blue"]` })).tags).toEqual(['red', 'green']);
    expect((await patch({ op: 'replace', path: `${hr}:tags[value eq "red"]`, value: 'rose' })).tags).toEqual([
      'green',
      'rose',
    ]);
    expect(await patch({ op: 'replace', path: `${hr}:tags[value eq "red"]`, value: 'x' })).toBe('noTarget');
    expect((await patch({ op: 'replace', path: `${hr}:tags`, value: ['one'] })).tags).toEqual(['one']);
    expect(await patch({ op: 'remove', path: `${hr}:tags` })).not.toHaveProperty('tags');
    expect((await patch({ op: 'replace', path: `${hr}:desk.floor`, value: 3 })).desk).toEqual({
      building: 'A',
      floor: 3,
    });
    expect(await patch({ op: 'replace', value: { [`${hr}:age`]: 37, [hr]: { remote: 'False' } } })).toMatchObject({
      age: 37,
      remote: false,
    });
    expect(
      (await patch({ op: 'add', path: `${hr}:trainings`, value: [{ value: 'Lift', primary: true }] })).trainings,
    ).toEqual([
      { value: 'Fire', type: 'safety', primary: false },
      { value: 'Lift', primary: true },
    ]);
    expect(await patch({ op: 'remove', path: `${hr}:desk.building` })).toBe('mutability');
    expect(await patch({ op: 'remove', path: `${hr}:nothing` })).toBe('invalidPath');
    expect(await patch({ op: 'add', path: `${hr}:desk[floor eq 3].building`, value: 'B' })).toBe('invalidPath');
  });

  test('RFC 7643 §6 a required extension of Groups must be there', async () => {
    await using server = await scimServer({ extensions });
    const post = (more: object) => server.ask('POST', '/Groups', { schemas: [groupSchema], displayName: 'x', ...more });
    expect((await post({})).body.scimType).toBe('invalidValue');
    expect((await post({ [cost]: { note: 'n' } })).body.scimType).toBe('invalidValue');
    const created = await post({ [cost]: { center: '4130', note: 'n' } });
    expect(created.body).toMatchObject({ schemas: [groupSchema, cost], [cost]: { center: '4130', note: 'n' } });
    const patch = (operation: object) => server.patchGroup(created.body.id, operation);
    expect((await patch({ op: 'remove', path: `${cost}:note` })).status).toBe(204);
    expect((await patch({ op: 'remove', path: `${cost}:center` })).body.scimType).toBe('mutability');
    expect((await patch({ op: 'remove', path: cost })).body.scimType).toBe('invalidValue');
    expect((await server.ask('GET', `/Groups/${created.body.id}`)).body[cost]).toEqual({ center: '4130' });
  });
});
