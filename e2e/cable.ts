// A cable between hosts and a control plane, which can be pulled out.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export class Cable implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isIn = true;
  #bytes = Number.POSITIVE_INFINITY;
  #more = Promise.withResolvers<void>();

  private constructor(port: number) {
    this.#server = createServer((near) => {
      if (!this.#isIn) return void near.resetAndDestroy();
      const far = connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.on('error', () => {});
      }
      near.pipe(far);
      far.pipe(this.#narrow()).pipe(near);
    });
  }

  /** To a server on this machine. */
  static async to(url: string): Promise<Cable> {
    const cable = new Cable(Number(new URL(url).port));
    cable.#server.listen(0, '127.0.0.1');
    await once(cable.#server, 'listening');
    return cable;
  }

  get url(): string {
    const address = this.#server.address();
    return `https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** How many bytes of each connection get to the host, until it is widened. */
  set bytes(bytes: number) {
    this.#bytes = bytes;
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  #narrow(): Transform {
    let passed = 0;
    const pass = async (length: number) => {
      while (passed > this.#bytes) await this.#more.promise;
      passed += length;
    };
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => void pass(chunk.length).then(() => done(null, chunk), done),
    });
  }

  pullOut(): void {
    this.#isIn = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  plugIn(): void {
    this.#isIn = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pullOut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
