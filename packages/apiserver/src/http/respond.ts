// Sending answers: headers that every answer has, YAML, indentation for people, gzip for large lists.
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { stringify as stringifyYaml } from 'yaml';
import type { Answer } from '../context.ts';
import { isTrue } from './request-info.ts';

const compress = promisify(gzip);
/** Smaller bodies are not worth the time (apiserver pkg/endpoints/handlers/responsewriters). */
const gzipThreshold = 128 * 1024;
/** What of a large body is on its way to a client at once: the rest is not encrypted before the client has read so far. */
const chunkBytes = 256 * 1024;
const maxWarnings = 50;
const newline = Buffer.from('\n');

export async function respond(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  options: { readonly warnings: readonly string[]; readonly query: URLSearchParams },
): Promise<void> {
  const parts = shown(request, answer, options.query);
  reply.code(answer.code).header('content-type', `application/${answer.format}`);
  if (options.warnings.length > 0) reply.header('warning', options.warnings.slice(0, maxWarnings).map(warningHeader));
  if (answer.code === 403) reply.header('x-content-type-options', 'nosniff');
  let length = 0;
  for (const part of parts) length += part.length;
  if (length <= gzipThreshold) {
    await reply.send(Buffer.concat(parts, length));
  } else if (acceptsGzip(request)) {
    const packed = await compress(Buffer.concat(parts, length), { level: 1 });
    await reply.header('content-encoding', 'gzip').header('vary', 'Accept-Encoding').send(packed);
  } else {
    await reply.header('content-length', length).send(Readable.from(chunksOf(parts)));
  }
}

/** Each object of a list on its own would be a write to the socket. */
function* chunksOf(parts: readonly Uint8Array[]): Generator<Buffer> {
  let chunk: Uint8Array[] = [];
  let length = 0;
  for (const part of parts) {
    chunk.push(part);
    length += part.length;
    if (length < chunkBytes) continue;
    yield Buffer.concat(chunk, length);
    chunk = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(chunk, length);
}

function acceptsGzip(request: FastifyRequest): boolean {
  return request.method === 'GET' && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
}

/** Indented for people: `?pretty`, curl and browsers. Else a line, as upstream's encoder writes it. */
function shown(request: FastifyRequest, { format, body }: Answer, query: URLSearchParams): readonly Uint8Array[] {
  if (format === 'yaml') return [Buffer.from(stringifyYaml(parsed(body)))];
  const pretty = query.get('pretty');
  const agent = request.headers['user-agent'] ?? '';
  const wanted = pretty === null ? /^(curl|Wget|Mozilla\/5\.0)/.test(agent) : isTrue(pretty);
  return wanted ? [Buffer.from(JSON.stringify(parsed(body), null, 2))] : [...body, newline];
}

function parsed(body: readonly Uint8Array[]): unknown {
  const value: unknown = JSON.parse(Buffer.concat(body).toString());
  return value;
}

/** RFC 7234 section 5.5 as KEP-1693 uses it; header values are ASCII. */
function warningHeader(text: string): string {
  const escaped = text
    .replaceAll(/[\\"]/g, '\\$&')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 1000);
  return `299 - "${escaped}"`;
}
