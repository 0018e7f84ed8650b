// Do the public addresses answer, seen as anybody else sees them: through their own name, proxy and certificate?

import { type Config, onlyHere, publicUrlOf } from '../config.ts';
import { endOf, type Finding, findings, get, type Net, sentenceOf } from './finding.ts';

/** The id of no link: the page is the same for every id, and asks for nothing. */
const noLink = '/r/AAAAAAAAAAAAAAAAAAAAAA';

/** The connector's and the link page's address. */
export async function checkAddresses(config: Config, net: Net, now: number): Promise<Finding[]> {
  const publicUrl = publicUrlOf(config);
  const linkUrl = config.linkUrl ?? publicUrl;
  const found = [await answers('Public address', `${publicUrl}/healthz`, config, net, (text) => /"ok"/.test(text))];
  found.push(await answers('Link address', `${linkUrl}${noLink}`, config, net, (text) => /<html/i.test(text)));
  for (const origin of new Set([publicUrl, linkUrl])) {
    if (origin.startsWith('https:')) found.push(...(await checkTls('Address', origin, net, now)));
  }
  return found;
}

async function answers(name: string, url: string, config: Config, net: Net, isOurs: (text: string) => boolean) {
  const say = findings(name);
  // A connector of this machine alone may be checked before it is started.
  const bad = onlyHere(config) ? say.warn : say.wrong;
  try {
    const { status, text } = await get(net, url);
    if (status === 200 && isOurs(text)) return say.ok(`${url} answers`);
    if (status >= 300 && status < 400) {
      return bad(`${url} sends browsers elsewhere (${status}): the address must lead here without a redirect`);
    }
    return bad(`${url} is answered by something else (${status}): see that the proxy leads to RR_LISTEN`);
  } catch (error) {
    return bad(`${url} does not answer (${sentenceOf(error)}): start the connector, then see DNS, firewall and proxy`);
  }
}

/** Is the certificate of this address trusted, and for how long? Silent where nothing speaks TLS. */
export async function checkTls(name: string, origin: string, net: Net, now: number): Promise<Finding[]> {
  const { host } = new URL(origin);
  try {
    const { validTo, trusted, why } = await net.certificateOf(origin);
    const end = endOf(`${name} certificate`, `the one of ${host}`, validTo, now, 'renew it');
    if (trusted || end.mark === 'wrong') return [end];
    const reason = why === undefined ? '' : ` (${why})`;
    return [
      findings(`${name} certificate`).warn(`${host}: this machine does not trust it${reason}: is the chain complete?`),
      end,
    ];
  } catch {
    return [];
  }
}
