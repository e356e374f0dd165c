// Where the server listens and under which names clients may reach it.
import { hostname } from 'node:os';
import { ServerError } from './error.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** The names and addresses for the server's certificate: where it listens, this machine's name, and those given. */
export function certificateHosts(listen: ListenAddress, names: readonly string[]): string[] {
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const address = everywhere ? [] : [listen.host];
  return [...new Set(['127.0.0.1', '::1', 'localhost', hostname(), ...address, ...names])];
}

/** `host:port` as it stands in a URL or an image reference. */
export function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A failed listen(2) as an error that says what to do. */
export function listenError(listen: ListenAddress, cause: unknown): unknown {
  if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') {
    return new ServerError(
      'PORT_IN_USE',
      `${formatAuthority(listen.host, listen.port)} is taken by another process; choose another --listen`,
      { cause },
    );
  }
  return cause;
}
