// How to reach one API server and who to be there.

/** PEM texts; everything secret in here stays out of messages. */
export interface Credentials {
  /** Certificates to trust; the system's when absent. */
  readonly ca?: string;
  /** Client certificate and its key; both or none. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token. */
  readonly token?: string;
}

export interface Connection extends Credentials {
  /** `https://host:port`, with a path for servers behind one. `http://` only without credentials. */
  readonly server: string;
  /** Name to check in the server's certificate instead of the host of `server`. */
  readonly serverName?: string;
  /** Up to the first `/` it is also the field manager of what this client writes. */
  readonly userAgent?: string;
  /** URL of the proxy that leads to the server, `http://` or `https://`; it may hold a user and a password. */
  readonly proxy?: string;
  /** Reads the credentials again, where they come from files that are renewed. May fail while that happens. */
  readonly reload?: () => Promise<Credentials>;
}
