// `varve up`: puts API server, registry and controllers together in one process, on one port with TLS. The controllers
// talk to the API over that port like everybody else; there is no side door.
import {
  authenticateBootstrapToken,
  type OidcOptions,
  oidcAuthenticator,
  Store,
  type TokenAuthenticator,
} from '@varve/apiserver';
import type { SigningKeySource } from '@varve/controllers';
import {
  type CertificateAuthority,
  type Credential,
  issueClientCertificate,
  KubeClient,
  signCertificateRequest,
} from '@varve/kube';
import { RegistryStorage, registryPlugin } from '@varve/registry';
import type { Logger } from 'pino';
import { createApiServer } from './api-server.ts';
import { createRegistryAuthorizer } from './authorize-registry.ts';
import { serveControlSocket } from './backup/control-socket.ts';
import { ConfigurationKeyFile } from './configuration-keys.ts';
import { writeCredentialFiles } from './credential-files.ts';
import { certificateHosts, formatAuthority, type ListenAddress, listenError } from './listen.ts';
import type { Grants } from './roles.ts';
import { StateDirectory } from './state-directory.ts';

export interface ServerOptions {
  readonly stateDirectory: string;
  readonly listen: ListenAddress;
  /** More names and addresses for the server's certificate. */
  readonly hostnames: readonly string[];
  /** Tokens of an OpenID Connect issuer are good, too. */
  readonly oidc?: Omit<OidcOptions, 'onError'> | undefined;
  readonly grants?: Grants | undefined;
  readonly logger: Logger;
  /** Stops the server. */
  readonly signal: AbortSignal;
}

export interface RunningServer extends AsyncDisposable {
  /** By which this machine reaches it, such as `https://127.0.0.1:7443`. */
  readonly url: string;
  /** `host:port` as image references have it. */
  readonly authority: string;
  readonly kubeconfigPath: string;
  readonly registryAuthPath: string;
  readonly registryCertificatesPath: string;
  /** Settles when the server has ended: rejects when a part of it broke. */
  readonly ended: Promise<void>;
}

/**
 * Starts everything, or nothing.
 * @throws ServerError PORT_IN_USE, STATE_UNREADABLE, and what Store.open (STORE_LOCKED) and RegistryStorage.open throw
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  await using opening = new AsyncDisposableStack();
  const state = await StateDirectory.open(options.stateDirectory);
  // First, since one process at a time can have it open: two servers would overwrite each other's files.
  const store = opening.adopt(Store.open(state.databasePath), (open) => open.close());
  const ca = await state.authority();
  const registryPassword = await state.registryPassword();
  const onKeyError = (err: unknown) => options.logger.error({ err }, 'the new configuration key cannot be used');
  const signingKeys = opening.use(await ConfigurationKeyFile.open(state, onKeyError));
  const registry = opening.use(await RegistryStorage.open(state.registryPath));
  const onSocketError = (err: unknown) => options.logger.error({ err }, 'a backup could not be made');
  opening.use(await serveControlSocket({ state, store, onError: onSocketError }));
  const parts = { state, ca, store, registry, registryPassword };
  const { port, close } = await listen(options, parts);
  opening.defer(close);
  const { authority, url } = localAddress(options.listen, port);
  const administrator = await state.administratorCredential(ca);
  await writeCredentialFiles(state, { url, authority, ca: ca.certificate, administrator, registryPassword });
  const stop = new AbortController();
  const hosts = certificateHosts(options.listen, options.hostnames);
  const otherNames = hosts.map((host) => formatAuthority(host, port));
  const own = { url, authority, otherNames, ca, signingKeys };
  const ended = runControllers(options.logger, own, AbortSignal.any([options.signal, stop.signal]));
  const open = opening.move();
  return {
    url,
    authority,
    kubeconfigPath: state.kubeconfigPath,
    registryAuthPath: state.registryAuthPath,
    registryCertificatesPath: state.registryCertificatesPath,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended.catch(() => undefined);
      await open.disposeAsync();
    },
  };
}

interface Parts {
  readonly state: StateDirectory;
  readonly ca: CertificateAuthority;
  readonly store: Store;
  readonly registry: RegistryStorage;
  readonly registryPassword: string;
}

async function listen(options: ServerOptions, parts: Parts): Promise<{ port: number; close: () => Promise<void> }> {
  const { state, ca, store, registry, registryPassword } = parts;
  const { app, close } = await createApiServer({
    ...{ state, ca, store, grants: options.grants, logger: options.logger },
    hosts: certificateHosts(options.listen, options.hostnames),
    authenticateToken: tokenAuthenticator(options, store),
  });
  await app.register(registryPlugin, {
    storage: registry,
    authorize: createRegistryAuthorizer(registryPassword),
  });
  try {
    await app.listen({ host: options.listen.host, port: options.listen.port });
  } catch (error) {
    await close();
    throw listenError(options.listen, error);
  }
  const bound = app.server.address();
  return { port: typeof bound === 'object' && bound !== null ? bound.port : options.listen.port, close };
}

function tokenAuthenticator({ oidc, logger }: ServerOptions, store: Store): TokenAuthenticator {
  const onError = (err: unknown) => logger.error({ err }, 'the OpenID Connect issuer cannot be asked');
  const fromIssuer = oidc && oidcAuthenticator({ ...oidc, onError });
  return (token) => authenticateBootstrapToken(store, token, new Date()) ?? fromIssuer?.(token);
}

/** A server that listens on every address is reached by this machine on the loopback one. */
function localAddress(listen: ListenAddress, port: number): { authority: string; url: string } {
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const authority = formatAuthority(everywhere ? '127.0.0.1' : listen.host, port);
  return { authority, url: `https://${authority}` };
}

interface Own {
  readonly url: string;
  readonly authority: string;
  readonly otherNames: readonly string[];
  readonly ca: CertificateAuthority;
  readonly signingKeys: SigningKeySource;
}

/** They are loaded when the API answers already: it is more code than all the rest. */
async function runControllers(logger: Logger, own: Own, signal: AbortSignal): Promise<void> {
  const [{ startControllers }, { createResolver }] = await Promise.all([
    import('@varve/controllers'),
    import('./image-resolver.ts'),
  ]);
  const credential = await controllerCredential(own.ca);
  const { certificate: cert, key } = credential;
  await using client = new KubeClient({
    server: own.url,
    ca: own.ca.certificate,
    cert,
    key,
    userAgent: 'varve-controllers',
  });
  await using resolver = await createResolver({ ...own, ca: own.ca.certificate, cert, key });
  try {
    await startControllers({
      client,
      signer: (request, { validity }) => signCertificateRequest(own.ca, request, { validity }),
      resolveImage: resolver.resolveImage,
      checkImage: resolver.checkImage,
      signingKeys: own.signingKeys,
      logger,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Lives as long as this process, which outlives any certificate of a year; its key never leaves the memory. */
async function controllerCredential(ca: CertificateAuthority): Promise<Credential> {
  const tenYears = 10 * 365 * 24 * 60 * 60 * 1000;
  const subject = { commonName: 'varve:controllers', organizations: ['system:masters'] };
  return await issueClientCertificate(ca, { ...subject, validity: tenYears });
}
