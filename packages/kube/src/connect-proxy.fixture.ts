// An HTTP proxy for tests that makes tunnels (RFC 9110, 9.3.6), or refuses to.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

export class ConnectProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  /** What was asked for, as `host:port`, and by whom. */
  readonly tunnels: { readonly target: string; readonly authorization: string | undefined }[] = [];
  /** When set, the answer to everyone. */
  refusal: string | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connect', (request, socket) => this.#tunnel(request, socket));
  }

  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(createServer());
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** `host:port`. */
  get address(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #tunnel(request: IncomingMessage, socket: Duplex): void {
    const target = request.url ?? '';
    this.tunnels.push({ target, authorization: request.headers['proxy-authorization'] });
    this.#keep(socket);
    if (this.refusal !== undefined) {
      socket.end(`HTTP/1.1 ${this.refusal}\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [host = '', port = ''] = target.split(':');
    const upstream = connect({ host, port: Number(port) });
    this.#keep(upstream);
    upstream.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
