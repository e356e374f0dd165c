// Who may do what in the registry. Administrators (client certificate, or the password that `varve up` wrote for podman,
// skopeo and buildah) may do everything; a host's certificate may pull.
import { timingSafeEqual } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { parseCertificate } from '@varve/kube';
import { type Authorize, RegistryError } from '@varve/registry';
import type { FastifyRequest } from 'fastify';

export const registryUser = 'admin';

type Role = 'administrator' | 'node' | undefined;

export function createRegistryAuthorizer(password: string): Authorize {
  return (request, action, repository) => {
    const role = roleByCertificate(request) ?? roleByPassword(request.headers.authorization, password);
    if (role === undefined) {
      throw new RegistryError(
        'UNAUTHORIZED',
        'log in with the credentials of registry-auth.json in the state directory',
      );
    }
    if (role === 'node' && action !== 'pull') {
      throw new RegistryError('DENIED', `a host may not ${action} ${repository ?? 'here'}`);
    }
  };
}

/** The TLS layer has checked the chain when `authorized` holds. */
function roleByCertificate(request: FastifyRequest): Role {
  const socket = request.raw.socket;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined) return undefined;
  const { organizations } = parseCertificate(raw);
  if (organizations.includes('system:masters')) return 'administrator';
  return organizations.includes('system:nodes') ? 'node' : undefined;
}

function roleByPassword(header: string | undefined, password: string): Role {
  const match = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i.exec(header ?? '');
  if (match?.[1] === undefined) return undefined;
  const given = Buffer.from(match[1], 'base64');
  const wanted = Buffer.from(`${registryUser}:${password}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? 'administrator' : undefined;
}
