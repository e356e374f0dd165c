// Options of the one Fastify instance that carries the API server, so that even requests which reach no plugin are
// answered with Status objects.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { bodyLimit } from './http/body.ts';
import { sendNotFound } from './http/paths.ts';
import { statusErrorOf } from './plugin.ts';

export interface TlsFiles {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** The authority of client certificates, PEM. */
  readonly clientAuthority: string;
}

/** Pass to `fastify()`. A client certificate is asked for, never required: tokens and health checks come without. */
export function apiServerFastifyOptions({ certificate, key, clientAuthority }: TlsFiles) {
  return {
    https: {
      cert: certificate,
      key,
      ca: clientAuthority,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    },
    bodyLimit,
    // Names of objects have up to 253 characters, which may all be escaped.
    routerOptions: { maxParamLength: 4096 },
    // No bound on how long a request may take to arrive: the instance may also take large uploads. Headers have Node's.
    requestTimeout: 0,
    forceCloseConnections: true,
    return503OnClosing: true,
    frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      const known = statusErrorOf(error, request.id);
      reply
        .code(known.code)
        .header('content-type', 'application/json')
        .send(Buffer.from(JSON.stringify(known.status)));
    },
  } as const;
}

/** For `setNotFoundHandler` of the instance: upstream's plain 404. */
export async function notFoundHandler(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await sendNotFound(reply);
}
