import { expect, test } from 'vitest';
import { parseKnownDifferences, readKnownDifferences } from './known-differences.ts';

const page = (rows: string) =>
  `# Page\n\n| behaviour | a | b |\n\n## Differences from kube-apiserver\n\n| behaviour | here | why |\n| --- | --- | --- |\n${rows}\n## Next\n\n| x: y | a | b |\n`;

test('reads the rows of its section only', () => {
  expect(parseKnownDifferences(page('| create: a | 400 | kinder |\n| list: b | none | no pods |\n'))).toEqual(
    new Map([
      ['create: a', 'kinder'],
      ['list: b', 'no pods'],
    ]),
  );
});

test('wants a reason for each', () => {
  expect(() => parseKnownDifferences(page('| create: a | 400 | |\n'))).toThrow('no reason for "create: a"');
});

test('wants the section', () => {
  expect(() => parseKnownDifferences('# Page\n')).toThrow('no section');
});

test('the page can be read', async () => {
  await expect(readKnownDifferences()).resolves.toBeInstanceOf(Map);
});
