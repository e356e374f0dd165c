import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findHazard } from './http/json-scan.ts';
import { copyJson, jsonEqual } from './object.ts';

test('a copy is equal and shares nothing', () => {
  fc.assert(
    fc.property(
      fc.jsonValue().filter((value) => findHazard(value) === undefined),
      (value) => {
        const text = JSON.stringify(value);
        const copy = copyJson(value);
        expect(jsonEqual(copy, value)).toBe(true);
        scramble(copy);
        expect(JSON.stringify(value)).toBe(text);
      },
    ),
  );
});

function scramble(value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) scramble(item);
    value.length = 0;
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) {
      scramble(child);
      Reflect.set(value, key, 'scrambled');
    }
  }
}
