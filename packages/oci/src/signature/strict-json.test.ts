import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStrictJson, parseStrictJsonBytes } from './strict-json.ts';

test('any JSON is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), fc.boolean(), (text, spaced) => {
      const value: unknown = JSON.parse(text);
      if (text.includes('__proto__')) return;
      expect(parseStrictJson(spaced ? JSON.stringify(value, null, 2) : text)).toEqual(value);
    }),
  );
});

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"b":{"a":1},"a":1}',
  '[{"a":1,"\\u0061":1}]',
  '{"a":[{"x":1},{"y":{"z":1,"z":2}}]}',
  '{"":1,"":1}',
  '{"\\\\":1,"\\\\":2}',
  '{"\\"":1,"\\"":2}',
  '{"__proto__":1}',
])('%s is refused', (text) => {
  expect(() => JSON.parse(text)).not.toThrow();
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
});

test.each(['{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]', '{"a":"a","b":"a"}', '{"a":"{\\"a\\":1,\\"a\\":2}"}'])(
  '%s is not',
  (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  },
);

test('bytes that are no UTF-8 are refused', () => {
  expect(() => parseStrictJsonBytes(Buffer.from([0x22, 0xff, 0x22]))).toThrow('UTF-8');
  expect(() => parseStrictJsonBytes(Buffer.from('\ufeff{}'))).toThrow(SyntaxError);
});
