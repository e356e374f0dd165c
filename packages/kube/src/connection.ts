// How to reach one API server and who to be there.

/** PEM texts and URLs; everything secret in here stays out of messages. */
export interface Connection {
  /** `https://host:port`, with a path for servers behind one. `http://` only without credentials. */
  readonly server: string;
  /** Certificates to trust; the system's when absent. */
  readonly ca?: string;
  /** Client certificate and its key; both or none. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token. */
  readonly token?: string;
  /** Name to check in the server's certificate instead of the host of `server`. */
  readonly serverName?: string;
  /** Up to the first `/` it is also the field manager of what this client writes. */
  readonly userAgent?: string;
}
