// The API server with its roles, its guards and its audit log, still to be told where to listen.
import { resources } from '@varve/api';
import {
  admissionOf,
  apiServerFastifyOptions,
  apiServerPlugin,
  authorizerOf,
  notFoundHandler,
  type Store,
  type TokenAuthenticator,
} from '@varve/apiserver';
import type { CertificateAuthority } from '@varve/kube';
import fastify from 'fastify';
import type { Logger } from 'pino';
import { AuditLog } from './audit-log.ts';
import { deletionGuards } from './guards.ts';
import { type Grants, rolesOf } from './roles.ts';
import type { StateDirectory } from './state-directory.ts';

interface ApiServerParts {
  readonly state: StateDirectory;
  readonly ca: CertificateAuthority;
  readonly store: Store;
  /** Names and addresses of the server's certificate. */
  readonly hosts: readonly string[];
  readonly grants?: Grants | undefined;
  readonly authenticateToken?: TokenAuthenticator;
  readonly logger: Pick<Logger, 'error'>;
}

/** `close` ends `app` and what was opened for it. The store stays the caller's. */
export async function createApiServer(parts: ApiServerParts) {
  const { state, ca, store, hosts, grants, authenticateToken, logger } = parts;
  const credential = await state.serverCredential(ca, hosts);
  const onAuditError = (err: unknown) => logger.error({ err }, 'the audit log cannot be written');
  const audit = AuditLog.open({ path: state.auditPath, onError: onAuditError });
  const app = fastify(apiServerFastifyOptions({ ...credential, clientAuthority: ca.certificate }));
  app.setNotFoundHandler(notFoundHandler);
  const roles = rolesOf(store, grants);
  await app.register(apiServerPlugin, {
    resources,
    store,
    authorizer: authorizerOf(roles),
    admission: admissionOf(roles, [deletionGuards(store)]),
    ...(authenticateToken && { authenticateToken }),
    audit: (event) => audit.write(event),
    onError: (err, auditId) => logger.error({ err, auditId }, 'an API request failed'),
  });
  const close = async (): Promise<void> => {
    await app.close();
    audit[Symbol.dispose]();
  };
  return { app, close };
}
