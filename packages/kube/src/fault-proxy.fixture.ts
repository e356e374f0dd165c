// A network for tests that breaks in the ways in which networks break: bytes pass between clients and a server until the
// connections are cut, stall, go half-open (the other side is gone, and nobody says so) or trickle.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Connection } from './connection.ts';

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  isHalfOpen: boolean;
}

export class FaultProxy implements AsyncDisposable {
  readonly #target: Connection;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #stalled = false;
  #slow = false;
  /** Bytes to clients until the connection that carries the next one is cut in the middle. */
  #budget = Number.POSITIVE_INFINITY;
  accepted = 0;

  private constructor(target: Connection) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#accept(client));
  }

  static async start(target: Connection): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The server's, through here. */
  get connection(): Connection {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return { ...this.#target, server: `https://127.0.0.1:${port}` };
  }

  /** Resets all connections. */
  cut(): void {
    for (const { client, upstream } of this.#links) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** Cuts whichever connection carries the byte after so many to clients: mostly inside a record or a line. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  /** The server's side of all connections is gone; what clients send is taken and never answered. */
  halfOpen(): void {
    for (const link of this.#links) {
      link.isHalfOpen = true;
      link.upstream.destroy();
      link.client.resume();
    }
  }

  /** Nothing moves, in old connections and new ones, until `heal`. */
  stall(): void {
    this.#stalled = true;
    for (const link of this.#links) this.#regulate(link);
  }

  /** From now on, a few bytes at a time. */
  slow(): void {
    this.#slow = true;
  }

  /** The network is well again; half-open connections are found out. */
  heal(): void {
    this.#stalled = false;
    this.#slow = false;
    this.#budget = Number.POSITIVE_INFINITY;
    for (const link of this.#links) {
      if (link.isHalfOpen) link.client.resetAndDestroy();
      else this.#regulate(link);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    const { hostname, port } = new URL(this.#target.server);
    const link: Link = { client, upstream: connect({ host: hostname, port: Number(port) }), isHalfOpen: false };
    this.#links.add(link);
    client.on('error', () => {});
    link.upstream.on('error', () => {});
    client.on('data', (bytes) => {
      if (!link.isHalfOpen) link.upstream.write(bytes);
    });
    link.upstream.on('data', (bytes: Buffer) => void this.#deliver(link, bytes));
    client.on('close', () => {
      this.#links.delete(link);
      link.upstream.destroy();
    });
    link.upstream.on('close', () => {
      if (!link.isHalfOpen) client.destroy();
    });
    this.#regulate(link);
  }

  #regulate({ client, upstream }: Link): void {
    for (const socket of [client, upstream]) {
      if (this.#stalled) socket.pause();
      else socket.resume();
    }
  }

  async #deliver(link: Link, bytes: Buffer): Promise<void> {
    if (link.isHalfOpen) return;
    const { client, upstream } = link;
    if (bytes.length > this.#budget) {
      client.write(bytes.subarray(0, this.#budget), () => client.destroy());
      this.#budget = Number.POSITIVE_INFINITY;
      return;
    }
    this.#budget -= bytes.length;
    if (!this.#slow) {
      client.write(bytes);
      return;
    }
    upstream.pause();
    for (let at = 0; at < bytes.length && !client.destroyed; at += 200) {
      client.write(bytes.subarray(at, at + 200));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.#regulate(link);
  }
}
