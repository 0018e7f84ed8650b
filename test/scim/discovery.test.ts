// What is advertised (RFC 7644 §4), that it is whole and well-formed, and that it is what happens.

import { describe, expect, test } from 'vitest';
import type { Attribute } from '../../connector/scim/attribute.ts';
import { core, enterprise, scimServer } from './scim-server.ts';

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
      bulk: { supported: false },
      filter: { supported: true, maxResults: 1000 },
      changePassword: { supported: false },
      sort: { supported: false },
      etag: { supported: true },
      meta: { location: `${base}/ServiceProviderConfig`, resourceType: 'ServiceProviderConfig' },
    });
    expect(config.authenticationSchemes).toMatchObject([{ type: 'oauthbearertoken' }]);
  });

  test('/ResourceTypes and /Schemas, whole and one by one', async () => {
    await using server = await scimServer();
    const types = await server.ask('GET', '/ResourceTypes');
    expect(types.body).toMatchObject({ totalResults: 1, itemsPerPage: 1, startIndex: 1 });
    const [type] = types.body.Resources;
    expect(type).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
      id: 'User',
      name: 'User',
      endpoint: '/Users',
      description: 'User Account',
      schema: core,
      schemaExtensions: [{ schema: enterprise, required: false }],
      meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/User` },
    });
    expect((await server.ask('GET', '/ResourceTypes/User')).body).toEqual(type);

    const { body } = await server.ask('GET', '/Schemas');
    expect(body.Resources.map(({ id }: { id: string }) => id)).toEqual([core, enterprise]);
    for (const schema of body.Resources) {
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
    const names = body.Resources.flatMap(({ attributes }: { attributes: Attribute[] }) =>
      attributes.map(({ name }) => name),
    );
    expect(names).not.toContain('password');
  });

  test('every writable attribute that is advertised is kept, and comes back as it was sent', async () => {
    await using server = await scimServer();
    const { body } = await server.ask('GET', '/Schemas');
    const sample = (attribute: Attribute, at: number): unknown => {
      if (attribute.mutability === 'readOnly') return undefined;
      if (attribute.type === 'boolean') return true;
      if (attribute.type === 'binary') return 'AAAA';
      if (attribute.type !== 'complex') return `${attribute.name} ${at}`;
      const entries = (attribute.subAttributes ?? []).map((sub) => [sub.name, sample(sub, at)] as const);
      const value = Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
      return attribute.multiValued ? [value] : value;
    };
    const all = (attributes: Attribute[]) =>
      Object.fromEntries(attributes.map((one, at) => [one.name, sample(one, at)]));
    const [user, extension] = body.Resources;
    const sent = { schemas: [core, enterprise], ...all(user.attributes), [enterprise]: all(extension.attributes) };
    const created = await server.create(sent);
    expect(created).toMatchObject(sent);
    expect((await server.ask('PUT', `/Users/${created.id}`, created)).body).toEqual(created);
  });
});
