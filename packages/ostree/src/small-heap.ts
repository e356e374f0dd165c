import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect garbage early until it is disposed of. What an import keeps is small, a few hundred bytes for each file; but
 * where a machine has much memory, V8 lets garbage pile up to a multiple of that: 220 MB became 160 MB for an image of 590 MB,
 * in the same time. (`--optimize-for-size` is read at each collection: Heap::ShouldOptimizeForMemoryUsage in V8's heap.cc.)
 */
export function keepHeapSmall(): Disposable {
  setFlagsFromString('--optimize-for-size');
  return { [Symbol.dispose]: () => setFlagsFromString('--no-optimize-for-size') };
}
