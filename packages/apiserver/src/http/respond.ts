// Sending answers: headers that every answer has, YAML, indentation for people, gzip for large lists.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { stringify as stringifyYaml } from 'yaml';
import type { Answer } from '../context.ts';
import { isTrue } from './request-info.ts';

const compress = promisify(gzip);
/** Smaller bodies are not worth the time (apiserver pkg/endpoints/handlers/responsewriters). */
const gzipThreshold = 128 * 1024;
const maxWarnings = 50;

export async function respond(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  options: { readonly warnings: readonly string[]; readonly query: URLSearchParams },
): Promise<void> {
  const text =
    answer.format === 'yaml' ? stringifyYaml(parsed(answer.text)) : shown(request, answer.text, options.query);
  reply.code(answer.code).header('content-type', `application/${answer.format}`);
  if (options.warnings.length > 0) reply.header('warning', options.warnings.slice(0, maxWarnings).map(warningHeader));
  if (answer.code === 403) reply.header('x-content-type-options', 'nosniff');
  if (text.length <= gzipThreshold || !acceptsGzip(request)) {
    await reply.send(Buffer.from(text));
    return;
  }
  const packed = await compress(text, { level: 1 });
  await reply.header('content-encoding', 'gzip').header('vary', 'Accept-Encoding').send(packed);
}

function acceptsGzip(request: FastifyRequest): boolean {
  return request.method === 'GET' && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
}

/** Indented for people: `?pretty`, curl and browsers. Else a line, as upstream's encoder writes it. */
function shown(request: FastifyRequest, text: string, query: URLSearchParams): string {
  const pretty = query.get('pretty');
  const agent = request.headers['user-agent'] ?? '';
  const wanted = pretty === null ? /^(curl|Wget|Mozilla\/5\.0)/.test(agent) : isTrue(pretty);
  return wanted ? JSON.stringify(parsed(text), null, 2) : `${text}\n`;
}

function parsed(text: string): unknown {
  const value: unknown = JSON.parse(text);
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
