// One GET of a small document over HTTPS, with the authorities that its owner configured. Redirects are not followed: what
// an issuer says of its keys is at the address that was configured, or nowhere.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

const timeoutMilliseconds = 5000;
const maxBytes = 1024 * 1024;

/** Throws for anything but a 200 with a body of at most a megabyte. */
export async function fetchFromIssuer(url: string, ca: string | undefined): Promise<Response> {
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  const headers = { accept: 'application/json' };
  const request = httpsRequest(url, { signal, headers, ...(ca === undefined ? {} : { ca }) });
  request.end();
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (response?.statusCode !== 200) {
    response?.destroy();
    throw new TypeError(`${url} answers ${response?.statusCode ?? 'nothing'}`);
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxBytes) throw new TypeError(`${url} sends more than ${maxBytes} bytes`);
  }
  return new Response(text, { status: 200 });
}
