// The clients' side of many watches, as a program: takes an order, says `begun` and then `told` when all of them are.
import { once } from 'node:events';
import process from 'node:process';
import { connect, type TLSSocket } from 'node:tls';

export interface Order {
  readonly port: number;
  readonly ca: string;
  readonly token: string;
  readonly path: string;
  /** What each watch is to hear. */
  readonly text: string;
  readonly count: number;
}

/** Handshakes are the work of one thread of the server: a few at a time, so that none runs into the client's own bound. */
const batch = 50;

process.once('message', (order: Order) => void main(order));

async function main({ port, ca, token, path, text, count }: Order): Promise<void> {
  const told: Promise<void>[] = [];
  while (told.length < count) {
    const some = Array.from({ length: Math.min(batch, count - told.length) }, async () => {
      const socket = connect({ port, host: '127.0.0.1', ca });
      await once(socket, 'secureConnect');
      const hearing = hears(socket, text);
      // At once: the server closes connections that ask for nothing within a minute.
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      await hearing.begun;
      return hearing;
    });
    told.push(...(await Promise.all(some)).map((hearing) => hearing.told));
  }
  process.send?.('begun');
  await Promise.all(told);
  process.send?.('told');
}

interface Hearing {
  /** The headers are there. */
  readonly begun: Promise<void>;
  readonly told: Promise<void>;
}

function hears(socket: TLSSocket, text: string): Hearing {
  const begun = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  let heard = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    heard += chunk;
    if (heard.startsWith('HTTP/1.1 200 ') && heard.includes('\r\n\r\n')) begun.resolve();
    if (heard.includes(text)) told.resolve();
  });
  socket.on('close', () => {
    begun.reject(new Error('closed before the headers'));
    told.reject(new Error('closed before the news'));
  });
  told.promise.catch(() => {});
  return { begun: begun.promise, told: told.promise };
}
