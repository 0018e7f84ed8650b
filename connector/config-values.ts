// What the text of a setting may be: each parser gives the value, or a sentence that says what is wrong with it.

import { isIP } from 'node:net';
import { isAddress, parseAddress } from '#shared/address.ts';
import { type CloudSetting, clouds, graphTenant, isCloud } from './entra/clouds.ts';
import { Secret } from './secret.ts';
import { type DatabaseAddress, parseDatabaseAddress } from './sql/address.ts';
import type { Policy } from './tenant.ts';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** Reads a setting's text. @throws SettingError */
export type Parse<T> = (text: string) => T;

/** A setting that cannot be used: the message is a sentence for the person who set it. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/** @throws SettingError always */
export function refuse(sentence: string): never {
  throw new SettingError(sentence);
}

export const text: Parse<string> = (value) => value;

export const listen: Parse<Listen> = (value) => {
  const found = /^(?:\[([0-9a-f:]+)\]|([^:]+)):(\d{1,5})$/i.exec(value);
  const port = Number(found?.[3]);
  if (!found || port > 65535) refuse(`is not HOST:PORT, for example 127.0.0.1:8787`);
  return { host: found[1] ?? found[2] ?? '', port };
};

export const url: Parse<string> = (value) => {
  const parsed = URL.parse(value);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) refuse('is not an http or https address');
  if (parsed.pathname !== '/' || parsed.search || parsed.hash || parsed.username) {
    refuse('must be an origin alone, without path or query, for example https://reset.contoso.com');
  }
  if (parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) refuse('must be https when it is not this machine');
  return parsed.origin;
};

const list: Parse<readonly string[]> = (value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export const domains: Parse<readonly string[]> = (value) =>
  list(value).map((domain) => {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(domain)) refuse(`has “${domain}”, which is not a domain`);
    return domain.toLowerCase();
  });

export const extensionIds: Parse<readonly string[]> = (value) =>
  list(value).map((id) => {
    if (!/^[a-p]{32}$/.test(id) && !/^(\{[0-9a-f-]{36}\}|[\w.-]*@[\w.-]+)$/i.test(id)) {
      refuse(`has “${id}”, which is neither a Chromium nor a Firefox extension id`);
    }
    return id;
  });

export const proxies: Parse<readonly string[]> = (value) =>
  list(value).map((item) => {
    const [address = '', bits] = item.split('/');
    const family = isIP(address);
    if (family === 0 || (bits !== undefined && !(Number(bits) >= 0 && Number(bits) <= (family === 4 ? 32 : 128)))) {
      refuse(`has “${item}”, which is not an address or a range like 10.0.0.0/8`);
    }
    return item;
  });

export const secretKey: Parse<readonly Uint8Array[]> = (value) => {
  const keys = list(value).map((item) => {
    const bytes = Buffer.from(item, 'base64');
    if (bytes.length !== 32 || bytes.toString('base64').replace(/=+$/, '') !== item.replace(/=+$/, '')) {
      refuse('is not base64 of 32 bytes (openssl rand -base64 32 makes one)');
    }
    return bytes;
  });
  return keys.length > 0 ? keys : refuse('holds no key');
};

export const database: Parse<DatabaseAddress> = (value) => {
  try {
    return parseDatabaseAddress(value);
  } catch (error) {
    if (error instanceof RangeError) return refuse(error.message);
    throw error;
  }
};

export const directory: Parse<string> = (value) => {
  const given = value.toLowerCase();
  if (given === 'embedded' || graphTenant(given) !== undefined) return given;
  return refuse('is neither “embedded” nor graph://TENANT, with the tenant’s id (a GUID)');
};

export const cloud: Parse<CloudSetting> = (value) => {
  if (isCloud(value)) return value;
  const [issuer = '', graph = '', ...more] = value.split(/\s+/);
  const named = `is none of ${Object.keys(clouds).join(', ')}, and not ISSUER GRAPH (two https addresses)`;
  if (graph === '' || more.length > 0) return refuse(named);
  return { issuer: issuerUrl(issuer), graph: url(graph) };
};

/** An issuer is compared letter by letter (OpenID Connect Discovery §4.3): kept as it is written. */
const issuerUrl: Parse<string> = (value) => {
  const parsed = URL.parse(value);
  if (!parsed || parsed.search || parsed.hash || parsed.username) refuse('has an issuer that is no address');
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && isLoopback(parsed.hostname))) {
    refuse('has an issuer that is not https');
  }
  return value.replace(/\/$/, '');
};

export const clientId: Parse<string> = (value) =>
  /^[\w.:/-]{1,200}$/.test(value) ? value : refuse('is not the id of an app registration');

export const graphAs: Parse<'admin' | 'app'> = (value) =>
  value === 'admin' || value === 'app' ? value : refuse('is neither admin nor app');

export const mail: Parse<Secret> = (value) => {
  const mailbox = /^graph:\/\/(.+)$/.exec(value)?.[1];
  if (mailbox === undefined ? !/^(folder:.+|smtps?:\/\/[^/]+\/?)$/.test(value) : !isAddress(parseAddress(mailbox)))
    refuse('is not folder:DIR, smtp://HOST:PORT, smtps://HOST:PORT or graph://MAILBOX (an address)');
  return new Secret(value);
};

/** `Name <address>` or an address; afterwards in the one form that every header can hold, its domain in ASCII. */
export const mailFrom: Parse<string> = (value) => {
  const [, given = '', inner] = /^([^<>]*)<([^<>]+)>\s*$/.exec(value) ?? ['', '', value];
  const parsed = parseAddress(inner ?? '');
  if (/\p{Cc}/u.test(value) || !isAddress(parsed)) {
    return refuse('is not “Name <name@domain>” with an address that every mail server takes');
  }
  const name = given
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .replace(/\\(.)/g, '$1')
    .trim();
  if (name === '') return parsed.address;
  // RFC 5322 §3.2.3: a comma or an @ in a bare name would make two senders of one.
  const shown = /[()<>[\]:;@\\,."]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name;
  return `${shown} <${parsed.address}>`;
};

export const yesNo: Parse<boolean> = (value) =>
  /^(yes|true|1|on)$/i.test(value) ? true : /^(no|false|0|off)$/i.test(value) ? false : refuse('is neither yes nor no');

export const pin: Parse<Policy['pinForTyped']> = (value) =>
  value === 'required' || value === 'on' || value === 'off' ? value : refuse('is not required, on or off');

export const hours =
  (minimum: number, maximum: number): Parse<number> =>
  (value) => {
    const number = Number(value);
    if (!(number >= minimum && number <= maximum)) refuse(`is not a number of hours from ${minimum} to ${maximum}`);
    return Math.round(number * 3600);
  };

export const count =
  (minimum: number, maximum: number): Parse<number> =>
  (value) => {
    const number = Number(value);
    if (!(Number.isInteger(number) && number >= minimum && number <= maximum)) {
      refuse(`is not a whole number from ${minimum} to ${maximum}`);
    }
    return number;
  };

export const timeZone: Parse<string> = (value) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    return refuse('is not a time zone such as Europe/Istanbul');
  }
};

export const level: Parse<string> = (value) =>
  ['trace', 'debug', 'info', 'warn', 'error', 'silent'].includes(value) ? value : refuse('is not a log level');

/** 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/i.test(host);
}
