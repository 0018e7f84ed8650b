// What is advertised (RFC 7644 §4), that it is whole and well-formed, and that it is what happens.

import { describe, expect, test } from 'vitest';
import type { Attribute } from '../../connector/scim/attribute.ts';
import { graphGroup } from '../../connector/store/groups.ts';
import { graphUser } from '../../connector/store/user-resource.ts';
import { core, enterprise, groupSchema, scimServer, start } from './scim-server.ts';

const base = 'https://connector.example/scim/v2';

describe('RFC 7644 §4', () => {
  test('/ServiceProviderConfig can be read without a token and is honest', async () => {
    await using server = await scimServer();
    const answer = await fetch(`${server.origin}/scim/v2/ServiceProviderConfig`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/scim+json']);
    const config = await answer.json();
    expect(config).toMatchObject({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      filter: { supported: true, maxResults: 1000 },
      changePassword: { supported: false },
      sort: { supported: true },
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: 'index',
        defaultPageSize: 100,
        maxPageSize: 1000,
      },
      etag: { supported: true },
      meta: { location: `${base}/ServiceProviderConfig`, resourceType: 'ServiceProviderConfig' },
    });
    expect(config.authenticationSchemes).toMatchObject([{ type: 'oauthbearertoken' }, { type: 'oauth2' }]);
  });

  test('and so can its HEAD (RFC 9110 §9.3.2), in every form of its address; nothing else can', async () => {
    await using server = await scimServer();
    for (const path of ['/ServiceProviderConfig', '/ServiceProviderConfig/', '/serviceproviderconfig']) {
      const [get, head] = await Promise.all(
        ['GET', 'HEAD'].map((method) => fetch(`${server.origin}/scim/v2${path}`, { method })),
      );
      expect([path, get?.status, head?.status]).toEqual([path, 200, 200]);
      expect(head?.headers.get('content-length')).toBe(get?.headers.get('content-length'));
    }
    for (const [method, path] of [
      ['HEAD', '/Schemas'],
      ['POST', '/ServiceProviderConfig'],
      ['OPTIONS', '/ServiceProviderConfig'],
      ['HEAD', '/ServiceProviderConfig/x'],
    ] as const) {
      const { status } = await fetch(`${server.origin}/scim/v2${path}`, { method });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });

  test('RFC 7643 §8.5 the meta of ServiceProviderConfig has its times and its version, the same as the ETag', async () => {
    await using server = await scimServer();
    const { headers, body } = await server.ask('GET', '/ServiceProviderConfig');
    const began = new Date(start).toISOString();
    expect(body.meta).toEqual({
      resourceType: 'ServiceProviderConfig',
      created: began,
      lastModified: began,
      version: expect.stringMatching(/^W\/"[\w-]+"$/),
      location: `${base}/ServiceProviderConfig`,
    });
    expect(headers.get('etag')).toBe(body.meta.version);
    const ask = async (tag: string) =>
      (await server.ask('GET', '/ServiceProviderConfig', undefined, { headers: { 'if-none-match': tag } })).status;
    expect([await ask(body.meta.version), await ask('W/"1"')]).toEqual([304, 200]);
  });

  test('RFC 7643 §8.7.2 the name of a Schema is required', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('GET', '/Schemas/urn:ietf:params:scim:schemas:core:2.0:Schema');
    const required = (attribute: Attribute) => [attribute.name, attribute.required];
    expect(body.attributes.map(required)).toEqual([
      ['id', true],
      ['name', true],
      ['description', false],
      ['attributes', true],
    ]);
  });

  test('/ResourceTypes and /Schemas, whole and one by one', async () => {
    await using server = await scimServer();
    const types = await server.ask('GET', '/ResourceTypes');
    expect(types.body).toMatchObject({ totalResults: 2, itemsPerPage: 2, startIndex: 1 });
    const [type, group] = types.body.Resources;
    expect(type).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: 'User',
      name: 'User',
      endpoint: '/Users',
      description: 'User Account',
      schema: core,
      schemaExtensions: [
        { schema: enterprise, required: false },
        { schema: graphUser, required: false },
      ],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
    });
    expect(group).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: 'Group',
      name: 'Group',
      endpoint: '/Groups',
      description: 'Group',
      schema: groupSchema,
      schemaExtensions: [{ schema: graphGroup, required: false }],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/Group` },
    });
    expect((await server.ask('GET', '/ResourceTypes/User')).body).toEqual(type);
    expect((await server.ask('GET', '/ResourceTypes/Group')).body).toEqual(group);
    expect((await server.ask('GET', '/ResourceTypes/Device')).status).toBe(404);

    const { body } = await server.ask('GET', '/Schemas');
    expect(body.Resources.map(({ id }: { id: string }) => id)).toEqual([
      core,
      enterprise,
      graphUser,
      groupSchema,
      graphGroup,
      ...['ServiceProviderConfig', 'ResourceType', 'Schema'].map(
        (name) => `urn:ietf:params:scim:schemas:core:2.0:${name}`,
      ),
    ]);
    for (const schema of body.Resources) {
      expect(schema.meta).toEqual({ resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` });
      expect((await server.ask('GET', `/Schemas/${schema.id}`)).body).toEqual(schema);
    }
    for (const path of ['/ResourceTypes', '/Schemas']) {
      expect((await server.ask('GET', `${path}?filter=name%20eq%20%22User%22`)).status).toBe(403);
      expect((await fetch(`${server.origin}/scim/v2${path}`)).status).toBe(401);
    }
  });

  test('RFC 7643 §7: every attribute has its characteristics, and nothing is null', async () => {
    await using server = await scimServer();
    const { text, body } = await server.ask('GET', '/Schemas');
    expect(text).not.toContain('null');
    const walk = (attribute: Attribute): void => {
      expect(attribute.name).toMatch(/^[$a-zA-Z][\w-]*$/);
      expect(attribute).toMatchObject({
        type: expect.stringMatching(/^(string|boolean|decimal|integer|dateTime|reference|complex|binary)$/),
        multiValued: expect.any(Boolean),
        description: expect.any(String),
        required: expect.any(Boolean),
        mutability: expect.stringMatching(/^(readOnly|readWrite|immutable|writeOnly)$/),
        returned: expect.stringMatching(/^(always|never|default|request)$/),
        uniqueness: expect.stringMatching(/^(none|server|global)$/),
      });
      expect(attribute.type === 'complex').toBe(attribute.subAttributes !== undefined);
      expect(attribute.type === 'reference').toBe(attribute.referenceTypes !== undefined);
      attribute.subAttributes?.forEach(walk);
    };
    for (const schema of body.Resources) schema.attributes.forEach(walk);
    const [first] = body.Resources[0].attributes;
    expect(first).toMatchObject({ name: 'userName', required: true, caseExact: false, uniqueness: 'server' });
    const named = (at: number, name: string) =>
      body.Resources[at].attributes.find((attribute: Attribute) => attribute.name === name);
    expect(named(0, 'password')).toMatchObject({ mutability: 'writeOnly', returned: 'never' });
    expect(named(0, 'groups')).toMatchObject({ mutability: 'readOnly', multiValued: true });
    expect(named(3, 'displayName')).toMatchObject({ required: true, uniqueness: 'none' });
    const members: Attribute[] = named(3, 'members').subAttributes;
    expect(members.map(({ name, mutability }) => [name, mutability])).toEqual([
      ['value', 'immutable'],
      ['$ref', 'immutable'],
      ['type', 'immutable'],
      ['display', 'immutable'],
    ]);
  });

  test('what is served has the attributes of its own schema, and no others', async () => {
    await using server = await scimServer();
    const schemas: { id: string; attributes: Attribute[] }[] = (await server.ask('GET', '/Schemas')).body.Resources;
    const nested = schemas
      .at(-1)
      ?.attributes.find(({ name }) => name === 'attributes')
      ?.subAttributes?.at(-1);
    const check = (value: Record<string, unknown>, attributes: readonly Attribute[]): void => {
      for (const [name, inner] of Object.entries(value)) {
        // RFC 7643 §7: "subAttributes has the same schema sub-attributes as attributes", at any depth.
        const attribute =
          attributes.find((one) => one.name === name) ?? (name === 'subAttributes' ? nested : undefined);
        expect([name, attribute?.name]).toEqual([name, name]);
        expect([name, Array.isArray(inner)]).toEqual([name, attribute?.multiValued]);
        for (const one of attribute?.subAttributes ? [inner].flat() : []) {
          check(one as typeof value, attribute?.subAttributes ?? []);
        }
      }
    };
    const served = [
      (await server.ask('GET', '/ServiceProviderConfig')).body,
      ...(await server.ask('GET', '/ResourceTypes')).body.Resources,
      ...schemas,
    ];
    for (const {
      schemas: [urn],
      meta,
      ...resource
    } of served) {
      expect(meta.location).toContain(base);
      check(resource, schemas.find(({ id }) => id === urn)?.attributes ?? []);
    }
  });

  test('every writable attribute that is advertised is kept, and comes back as it was sent', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('GET', '/Schemas');
    /** Of those that hold no other text. */
    const formed: Record<string, string> = {
      mailNickname: 'ada',
      usageLocation: 'GB',
      passwordPolicies: 'DisableStrongPassword',
    };
    const sample = (attribute: Attribute, at: number): unknown => {
      if (attribute.mutability === 'readOnly' || attribute.returned === 'never' || attribute.name === '$ref') {
        return undefined;
      }
      if (attribute.type === 'boolean') return true;
      if (attribute.type === 'dateTime') return new Date(start).toISOString();
      if (attribute.type === 'binary') return 'AAAA';
      if (attribute.type === 'reference') return `https://a.example/${attribute.name}/${at}`;
      if (attribute.type !== 'complex') return formed[attribute.name] ?? `${attribute.name} ${at}`;
      const entries = (attribute.subAttributes ?? []).map((sub) => [sub.name, sample(sub, at)] as const);
      const value = Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
      return attribute.multiValued ? [value] : value;
    };
    const all = (attributes: Attribute[]) =>
      Object.fromEntries(
        attributes.map((one, at) => [one.name, sample(one, at)] as const).filter(([, value]) => value !== undefined),
      );
    const [user, ...extensions] = body.Resources.slice(0, 3);
    const sent = {
      schemas: [core, enterprise, graphUser],
      ...all(user.attributes),
      ...Object.fromEntries(extensions.map(({ id, attributes }: (typeof extensions)[0]) => [id, all(attributes)])),
    };
    const created = await server.create(sent);
    expect(created).toMatchObject(sent);
    expect((await server.ask('PUT', `/Users/${created.id}`, created)).body).toEqual(created);
  });
});
