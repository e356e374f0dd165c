// Who to be, where that changes while the process runs: tokens of service accounts live for an hour, certificates for
// days, and whoever renews them only replaces files.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { Connection, Credentials } from './connection.ts';

/** Milliseconds between two readings, as client-go reads token files (transport/token_source.go). */
const interval = 60_000;

export class CredentialSource {
  readonly #reload: (() => Promise<Credentials>) | undefined;
  readonly #clock: Pick<Clock, 'now'>;
  #current: Credentials;
  #readAt: number;
  #reading: Promise<boolean> | undefined;

  constructor({ ca, cert, key, token, reload }: Connection, clock: Pick<Clock, 'now'>) {
    this.#current = withoutUndefined({ ca, cert, key, token });
    this.#reload = reload;
    this.#clock = clock;
    this.#readAt = clock.now();
  }

  /** The newest ones; the same object for as long as nothing changed. */
  async get(): Promise<Credentials> {
    if (this.#clock.now() - this.#readAt >= interval) await this.renew();
    return this.#current;
  }

  /** Reads them again at once: true when they have changed. Never rejects: what cannot be used is read again later. */
  async renew(): Promise<boolean> {
    this.#reading ??= this.#read();
    return await this.#reading;
  }

  async #read(): Promise<boolean> {
    try {
      const read = withoutUndefined((await this.#reload?.()) ?? this.#current);
      if (!isUsable(read) || isSame(read, this.#current)) return false;
      this.#current = read;
      return true;
    } catch {
      // Files that are just being replaced; what we have may still do, and if not, the server says so.
      return false;
    } finally {
      this.#readAt = this.#clock.now();
      this.#reading = undefined;
    }
  }
}

/** False for half of a renewal: an empty file, a certificate whose key is still the old one. */
function isUsable({ cert, key, token }: Credentials): boolean {
  if (token === '' || (cert === undefined) !== (key === undefined)) return false;
  if (cert === undefined || key === undefined) return true;
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

function isSame(one: Credentials, other: Credentials): boolean {
  return one.ca === other.ca && one.cert === other.cert && one.key === other.key && one.token === other.token;
}

function withoutUndefined({
  ca,
  cert,
  key,
  token,
}: { [K in keyof Credentials]: Credentials[K] | undefined }): Credentials {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
  };
}
