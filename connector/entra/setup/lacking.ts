// What a registration lacks: compared with the wanted form, so that nothing that others have put there is lost.

import { createHash } from 'node:crypto';
import type { Json } from './template.ts';

/** An object of Graph's, as JSON. */
export type Resource = { readonly [name: string]: Json };

/** An object, neither list nor null. */
export function isResource(value: Json | undefined): value is Resource {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sent in part: what is not mentioned stays as it is. Anything else is sent whole. */
const partly = ['api', 'spa', 'web'];
/** Of an existing registration these are its owner's affair. */
const ownersOwn = ['displayName', 'signInAudience'];

/**
 * What an existing registration lacks of the wanted form: values are replaced, lists are added to and never shortened.
 */
export function lackingIn(found: Resource, wanted: Resource): Resource {
  const lacking: Record<string, Json> = {};
  for (const [name, value] of Object.entries(wanted)) {
    const there = found[name];
    if (ownersOwn.includes(name)) continue;
    if (partly.includes(name) && isResource(value)) {
      const part = lackingIn(isResource(there) ? there : {}, value);
      if (Object.keys(part).length > 0) lacking[name] = part;
    } else {
      const merged = merge(there, value);
      if (JSON.stringify(merged) !== JSON.stringify(there)) lacking[name] = merged;
    }
  }
  return lacking;
}

function merge(there: Json | undefined, wanted: Json): Json {
  if (Array.isArray(wanted)) {
    const list: Json[] = Array.isArray(there) ? [...(there as Json[])] : [];
    for (const one of wanted as Json[]) {
      const at = list.findIndex((other) => isSame(other, one));
      if (at < 0) list.push(one);
      else if (!isCertificate(one)) list[at] = merge(list[at], one);
    }
    return list;
  }
  if (!isResource(wanted)) return wanted;
  const merged: Record<string, Json> = isResource(there) ? { ...there } : {};
  for (const [name, value] of Object.entries(wanted)) merged[name] = merge(merged[name], value);
  return merged;
}

/** By these the objects in a registration's lists are told apart. */
const keys = ['resourceAppId', 'appId', 'value', 'id', 'name'] as const;

function isSame(one: Json, other: Json): boolean {
  if (!isResource(one) || !isResource(other)) return one === other;
  if (isCertificate(other)) return isSameCertificate(one, other.key);
  const key = keys.find((name) => typeof other[name] === 'string');
  return key !== undefined && one[key] === other[key];
}

function isCertificate(value: Json): value is { key: string } {
  return isResource(value) && value.type === 'AsymmetricX509Cert' && typeof value.key === 'string';
}

/** Entra shows a certificate's bytes or, in one spelling or another, its SHA-1 thumbprint. */
function isSameCertificate(there: Resource, der: string): boolean {
  if (there.key === der) return true;
  const thumbprint = createHash('sha1').update(Buffer.from(der, 'base64')).digest();
  const shown = String(there.customKeyIdentifier ?? '');
  return shown === thumbprint.toString('base64') || shown.toLowerCase() === thumbprint.toString('hex');
}
