import { EventEmitter } from 'node:events';
import { afterEach, expect, test, vi } from 'vitest';
import { freeMemoryOfConnections } from './free-memory.ts';

afterEach(() => void vi.useRealTimers());

test('memory is given back once after many connections have closed, and not after a few', async () => {
  vi.useFakeTimers();
  const server = new EventEmitter();
  const free = vi.fn(async () => {});
  freeMemoryOfConnections(server, free);
  const openAndClose = async (count: number) => {
    const sockets = Array.from({ length: count }, () => new EventEmitter());
    for (const socket of sockets) server.emit('secureConnection', socket);
    for (const socket of sockets) socket.emit('close');
    await vi.advanceTimersByTimeAsync(60_000);
  };

  await openAndClose(300);
  expect(free).toHaveBeenCalledTimes(0);
  await openAndClose(300);
  expect(free).toHaveBeenCalledTimes(1);
  await openAndClose(300);
  expect(free).toHaveBeenCalledTimes(1);
  await openAndClose(10_000);
  expect(free).toHaveBeenCalledTimes(2);
});
