// A whole API server for tests: TLS on 127.0.0.1 with certificates of its own, in a directory that goes with it.

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ResourceDefinition, resources } from '@varve/api';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueClientCertificate,
  issueServerCertificate,
} from '@varve/kube';
import fastify from 'fastify';
import { authenticateBootstrapToken } from './authentication/bootstrap-token.ts';
import { adminRole } from './authorization/admin.ts';
import { admissionOf, authorizerOf, type Role } from './authorization/authorizer.ts';
import { bootstrapRole } from './authorization/bootstrap.ts';
import { basicRole, monitoringRole, publicRole } from './authorization/discovery.ts';
import type { JsonObject } from './object.ts';
import { apiServerPlugin } from './plugin.ts';
import { apiServerFastifyOptions, notFoundHandler } from './server-options.ts';
import { Store, type StoreOptions } from './store/store.ts';
import { mastersGroup } from './user.ts';

export interface TestServerOptions {
  /** All kinds unless given. */
  readonly resources?: readonly ResourceDefinition[];
  readonly storeOptions?: StoreOptions;
  /** Besides administrators, joining hosts and what everyone may do. */
  readonly roles?: (store: Store) => readonly Role[];
}

export interface TestServer extends AsyncDisposable {
  /** Such as `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly authority: CertificateAuthority;
  /** Bearer token of an administrator. */
  readonly token: string;
  readonly store: Store;
  /** Path of a kubeconfig with an administrator's client certificate. */
  readonly kubeconfig: string;
  readonly directory: string;
  readonly auditEvents: readonly JsonObject[];
  /** Errors that were bugs; a test expects none. */
  readonly errors: readonly unknown[];
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-apiserver-'));
  const authority = await createCertificateAuthority({ commonName: 'varve-test' });
  const serving = await issueServerCertificate(authority, { hosts: ['127.0.0.1', 'localhost'] });
  const store = Store.open(join(directory, 'store.db'), options.storeOptions);
  const token = randomBytes(16).toString('hex');
  const roles = [
    publicRole,
    basicRole,
    monitoringRole,
    adminRole,
    bootstrapRole(store),
    ...(options.roles?.(store) ?? []),
  ];
  const auditEvents: JsonObject[] = [];
  const errors: unknown[] = [];
  const tls = { certificate: serving.certificate, key: serving.key, clientAuthority: authority.certificate };
  const app = fastify(apiServerFastifyOptions(tls));
  app.setNotFoundHandler(notFoundHandler);
  await app.register(apiServerPlugin, {
    resources: options.resources ?? resources,
    store,
    authorizer: authorizerOf(roles),
    admission: admissionOf(roles),
    authenticateToken: (given) =>
      given === token
        ? { name: 'admin', groups: [mastersGroup] }
        : authenticateBootstrapToken(store, given, new Date()),
    audit: (event) => auditEvents.push(event),
    onError: (error) => errors.push(error),
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, await adminKubeconfig(url, authority), { mode: 0o600 });
  return {
    url,
    authority,
    token,
    store,
    kubeconfig,
    directory,
    auditEvents,
    errors,
    async [Symbol.asyncDispose]() {
      await app.close();
      store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function adminKubeconfig(url: string, authority: CertificateAuthority): Promise<string> {
  const admin = await issueClientCertificate(authority, { commonName: 'admin', organizations: [mastersGroup] });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority.certificate) } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(admin.certificate), 'client-key-data': base64(admin.key) },
      },
    ],
  });
}
