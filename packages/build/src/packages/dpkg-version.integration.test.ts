// Against dpkg itself.
import * as fc from 'fast-check';
import spawn, { SubprocessError } from 'nano-spawn';
import { expect, test } from 'vitest';
import { compareDpkgVersions } from './dpkg-version.ts';

const part = fc.string({ unit: fc.constantFrom(...'01290aZ+.~'), maxLength: 6 });
const version = fc
  .tuple(fc.option(fc.nat(3)), fc.nat(12), part, fc.option(fc.tuple(fc.nat(12), part)))
  .map(([epoch, first, upstream, revision]) => {
    const prefix = epoch === null ? '' : `${epoch}:`;
    return `${prefix}${first}${upstream}${revision === null ? '' : `-${revision.join('')}`}`;
  });

async function isOlder(a: string, b: string): Promise<boolean> {
  try {
    await spawn('dpkg', ['--compare-versions', a, 'lt', b]);
    return true;
  } catch (error) {
    if (error instanceof SubprocessError && error.exitCode === 1) return false;
    throw error;
  }
}

test('orders versions as dpkg does', async () => {
  await fc.assert(
    fc.asyncProperty(version, version, async (a, b) => {
      const older = compareDpkgVersions(a, b) < 0;
      expect([a, b, older]).toEqual([a, b, await isOlder(a, b)]);
    }),
    { numRuns: 300 },
  );
});
