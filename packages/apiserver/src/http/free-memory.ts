// Gives back what connections took. TLS keeps some 70 KB for each in allocations of the C library, which keeps them in turn
// when they are freed: of ten thousand connections that are gone, 700 MB would stay with the server.
import type { EventEmitter } from 'node:events';

/** Fewer are worth nobody's time. */
const connectionsWorthIt = 500;
const waitMilliseconds = 10_000;

/** Calls `free` a while after many connections of a TLS server have closed. */
export function freeMemoryOfConnections(server: EventEmitter, free: () => Promise<void> = trimHeap): void {
  let closed = 0;
  let timer: NodeJS.Timeout | undefined;
  server.on('secureConnection', (socket: EventEmitter) => {
    socket.once('close', () => {
      closed++;
      if (closed < connectionsWorthIt || timer !== undefined) return;
      // Those that close a little later, and what is collected as garbage, are gone by then, too.
      timer = setTimeout(() => {
        closed = 0;
        timer = undefined;
        void free();
      }, waitMilliseconds);
      timer.unref();
    });
  });
}

/** malloc_trim(3) takes whole free pages out of the middle of the heap, too. Only glibc has it. */
async function trimHeap(): Promise<void> {
  try {
    // It costs a process 8 MB, so that it is loaded where it brings more.
    const { dlopen } = await import('node:ffi');
    const { functions } = dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } });
    functions.malloc_trim(0n);
  } catch {
    // Another C library has its own ways, and a Node without it none.
  }
}
