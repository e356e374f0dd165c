import { expect, test } from 'vitest';
import { packageOfRecord, readDpkgList, readDpkgStatus } from './dpkg-records.ts';

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const status = `Package: a
Status: install ok installed
Architecture: amd64
Version: 1:2.0-3
Description: text with Version: 9
 Version: 8

Package: b
Status: hold ok installed
Version: 1.0

Package: removed
Status: deinstall ok config-files
Version: 1.0

Package: half
Status: install ok half-installed
Version: 1.0
`;

test.each([1, 7, 4096])('reads installed packages, in pieces of %i bytes', async (size) => {
  expect(await readDpkgStatus(inPieces(status, size))).toEqual([
    { name: 'a', version: '1:2.0-3', architecture: 'amd64' },
    { name: 'b', version: '1.0', architecture: '' },
  ]);
});

test('does not keep a line that never ends', async () => {
  const long = `Package: a\nStatus: install ok installed\nVersion: 1\nDescription: ${'x'.repeat(500_000)}`;
  expect(await readDpkgStatus(inPieces(long, 1000))).toHaveLength(1);
});

test('reads lists of files', async () => {
  expect(await readDpkgList(inPieces('/.\n/usr\n/usr/bin/ä\nnonsense\n', 3))).toEqual(['usr', 'usr/bin/ä']);
});

test.each([
  ['libc6:amd64.list', 'libc6'],
  ['g++-12.list', 'g++-12'],
  ['libc6:amd64.md5sums', 'libc6'],
  ['python3.11.list', 'python3.11'],
  ['../x.list', undefined],
])('%s is about %s', (file, name) => {
  expect(packageOfRecord(file)).toBe(name);
});
