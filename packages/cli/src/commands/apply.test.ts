import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliError } from '../error.ts';
import { parseManifest, readManifests } from './apply.ts';

const configMap = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;

describe('parseManifest', () => {
  it('reads several documents and Lists', () => {
    const list = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }],
    });
    const objects = parseManifest('x', `${configMap('a')}---\n---\n${configMap('b')}---\n${list}\n`);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
  });

  it('reads 0644 as octal, as kubectl does', () => {
    expect(parseManifest('x', `${configMap('a')}mode: 0644\n`)).toMatchObject([{ mode: 420 }]);
  });

  it.each([
    ['broken YAML', 'a: [1'],
    ['no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n'],
    ['no object', '- 1\n- 2\n'],
    [
      'a bomb of aliases',
      `a: &a [x]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${`*${'abcdefg'[i]},`.repeat(9)}]`).join('\n')}\n`,
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parseManifest('file.yaml', text)).toThrow(CliError);
  });
});

describe('readManifests', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'varve-apply-'));
    await writeFile(join(directory, 'b.yaml'), configMap('b'));
    await writeFile(join(directory, 'a.yml'), configMap('a'));
    await writeFile(join(directory, 'note.txt'), 'not a manifest');
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('reads a directory by name', async () => {
    expect((await readManifests([directory])).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  it('names a file that is not there', async () => {
    await expect(readManifests([join(directory, 'absent.yaml')])).rejects.toMatchObject({
      code: 'MANIFEST_UNREADABLE',
    });
  });
});
