import { Authenticator, type CredentialLookup, type RepositoryActions } from './authenticator.ts';
import type { RetryPolicy } from './backoff.ts';
import { Requester } from './requester.ts';
import { Transport } from './transport.ts';

export interface RegistryClientOptions {
  /** PEM certificates of the authorities to trust instead of the system's. */
  ca?: string;
  /** PEM client certificate and its key; shown to the registry itself only. */
  cert?: string;
  key?: string;
  /** Plain HTTP instead of HTTPS. */
  insecure?: boolean;
  /** False takes any certificate of the registry; true. */
  verify?: boolean;
  credentials?: CredentialLookup;
  userAgent?: string;
  /** Milliseconds without a byte after which a connection counts as broken; 30 000. */
  idleTimeout?: number;
  /** How often a request is tried, and the first wait (milliseconds) of a doubling series; 6 times, 500. */
  retry?: RetryPolicy;
}

/** What requests to registries need. */
export interface RegistryConnection {
  transport: Transport;
  requester: Requester;
  policy: RetryPolicy;
}

export function connectRegistry(options: RegistryClientOptions, actions: RepositoryActions): RegistryConnection {
  const { ca, cert, key, insecure = false, credentials = () => undefined } = options;
  const policy = options.retry ?? { attempts: 6, firstDelay: 500 };
  const transport = new Transport({
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    insecure,
    verify: options.verify ?? true,
    userAgent: options.userAgent ?? 'varve',
    idleTimeout: options.idleTimeout ?? 30_000,
  });
  const requester = new Requester({
    transport,
    authenticator: new Authenticator(transport, credentials, insecure, actions),
    scheme: insecure ? 'http' : 'https',
    policy,
  });
  return { transport, requester, policy };
}
