// Documents of other issuers (discovery, JWK Sets), fetched from addresses that an operator gave: bounded in time and size.

const timeout = 5_000;
const mostBytes = 256 * 1024;

/** The JSON at an address. @throws Error with a sentence for the operator, when there is none or it takes too long */
export async function fetchJson(fetching: typeof fetch, uri: string): Promise<unknown> {
  const response = await fetching(uri, {
    headers: { accept: 'application/json, application/jwk-set+json' },
    // An address that leads elsewhere could lead inside the network.
    redirect: 'error',
    signal: AbortSignal.timeout(timeout),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`The answer was ${response.status}.`);
  }
  return JSON.parse(await bounded(response));
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > mostBytes) throw new Error(`It is larger than ${mostBytes} bytes.`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}
