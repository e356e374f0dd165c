import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCertificateRequest } from './create-request.ts';
import { createKey } from './key.ts';
import { inspectCertificateRequest } from './request.ts';

const key = createKey();
// Names of all lengths, so that every form of a DER length occurs.
const name = fc.string({ minLength: 1, maxLength: 250, unit: fc.constantFrom('a', '-', 'ü', '試', ':') });

test('what is asked for is what a parser reads, whatever the names are', async () => {
  await fc.assert(
    fc.asyncProperty(name, fc.array(name, { maxLength: 16 }), async (commonName, organizations) => {
      const request = createCertificateRequest({ commonName, organizations, key });
      expect(await inspectCertificateRequest(request)).toMatchObject({ commonName, organizations });
    }),
    { numRuns: 50 },
  );
});

test('a request is not made with a key or a subject that no server takes', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const make = (change: object) => () =>
    createCertificateRequest({ commonName: 'a', organizations: [], key, ...change });
  for (const bad of [other, 'no key']) expect(make({ key: bad })).toThrow(/not an EC P-256 key/);
  for (const commonName of ['', 'a\nb', 'x'.repeat(300)]) expect(make({ commonName })).toThrow(/CN must be/);
});
