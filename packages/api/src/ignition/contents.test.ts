import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeDataUrl, readContents } from './contents.ts';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

it.each([
  ['data:,', ''],
  ['data:,a%20b+c', 'a b+c'],
  ['data:text/plain;charset=utf-8;base64,aGVsbG8=', 'hello'],
  ['data:;base64,aGVsbG8', 'hello'],
  ['data:;base64,aGVsbG8%3D', 'hello'],
  ['data:,a,b', 'a,b'],
  ['data:,grüße', 'grüße'],
])('decodes %s', (url, expected) => expect(text(decodeDataUrl(url))).toBe(expected));

it('gives back any bytes, percent-encoded, in base64 and compressed', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const escaped = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const base64 = Buffer.from(bytes).toString('base64');
      const compressed = gzipSync(bytes).toString('base64');
      expect(decodeDataUrl(`data:,${escaped}`)).toEqual(bytes);
      expect(decodeDataUrl(`data:;base64,${base64}`)).toEqual(bytes);
      expect(readContents({ source: `data:;base64,${compressed}`, compression: 'gzip' })).toEqual({
        kind: 'inline',
        bytes,
      });
    }),
  );
});

it('takes absent contents for an empty file', () => {
  expect(readContents(undefined)).toEqual({ kind: 'inline', bytes: new Uint8Array() });
});

it('leaves remote contents to the host', () => {
  const hash = `sha512-${'a'.repeat(128)}`;
  expect(readContents({ source: 'https://files/x', verification: { hash } })).toEqual({
    kind: 'remote',
    url: 'https://files/x',
  });
});
