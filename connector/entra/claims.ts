// Claims requests and challenges (Entra, "Claims challenges, claims requests and client capabilities"): what a service
// wants of a sign-in, and that we can cope with being asked.

/** Says that we handle a challenge; only who says so is sent one, and gets tokens that can be revoked (CAE). */
const capabilities = { access_token: { xms_cc: { values: ['cp1'] } } };

/** The `claims` parameter of a token request: our capabilities, and what a challenge has asked for (JSON). */
export function claimsParameter(challenge?: string): string {
  const asked = (challenge === undefined ? undefined : parsed(challenge)) ?? {};
  const accessToken = { ...section(asked.access_token), ...capabilities.access_token };
  return JSON.stringify({ ...asked, access_token: accessToken });
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return section(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function section(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * The claims that a WWW-Authenticate header asks for, as JSON; undefined when it asks for none. They are base64 on the
 * wire, padded or not, in either alphabet.
 */
export function challengedClaims(header: string | null | undefined): string | undefined {
  if (!header || !/error="?insufficient_claims"?/i.test(header)) return undefined;
  const encoded = /\bclaims="([^"]+)"/i.exec(header)?.[1];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  return parsed(text) === undefined ? undefined : text;
}
