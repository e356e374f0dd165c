import { expect, test } from 'vitest';
import { abortable } from './abortable.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let index = 0; index < count; index += 1) yield index;
}

test('passes everything on', async () => {
  expect(await Array.fromAsync(abortable(numbers(3), new AbortController().signal))).toEqual([0, 1, 2]);
});

test('ends at once where the signal has aborted before', async () => {
  await expect(Array.fromAsync(abortable(numbers(3), AbortSignal.abort(new RangeError('why'))))).rejects.toThrow('why');
});

test('leaves a source that never answers', async () => {
  async function* hanging(): AsyncGenerator<number> {
    yield 1;
    await new Promise(() => undefined);
  }
  await expect(Array.fromAsync(abortable(hanging(), AbortSignal.timeout(20)))).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

test('closes its source when its consumer leaves', async () => {
  let isClosed = false;
  async function* source(): AsyncGenerator<number> {
    try {
      yield* numbers(100);
    } finally {
      isClosed = true;
    }
  }
  for await (const _number of abortable(source(), new AbortController().signal)) break;
  expect(isClosed).toBe(true);
});
