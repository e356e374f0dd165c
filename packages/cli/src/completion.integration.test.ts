// The generated completion, in the real shells.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = join(import.meta.dirname, 'main.ts');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-completion-'));
  const command = join(directory, 'varve');
  await writeFile(
    command,
    `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning '${main}' "$@"\n`,
  );
  await chmod(command, 0o755);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function run(shell: string, flags: readonly string[], script: string, words: readonly string[]) {
  const path = `${directory}:${process.env.PATH ?? ''}`;
  const { stdout } = await spawn(shell, [...flags, '-c', script, shell, ...words], {
    env: { PATH: path, HOME: directory },
  });
  return stdout.split('\n').filter((line) => line !== '');
}

/** As a user who presses the tabulator behind the words. */
async function completeInBash(...words: string[]): Promise<string[]> {
  const script = `
    source /usr/share/bash-completion/bash_completion
    source <(varve completion bash)
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=\${#COMP_LINE} COMP_TYPE=9
    __varve_complete
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return await run('bash', ['--norc', '--noprofile'], script, words);
}

async function completeInZsh(...words: string[]): Promise<string[]> {
  const script = `
    compdef() { }
    _describe() { print -rl -- \${(P)2} }
    source <(varve completion zsh)
    words=("$@") CURRENT=$#
    _varve`;
  return (await run('zsh', ['--no-rcs'], script, words)).map((line) => line.split(':')[0] ?? '');
}

describe.each([
  ['bash', completeInBash],
  ['zsh', completeInZsh],
])('completion in %s', (_, complete) => {
  test('offers the commands', async () => {
    expect(await complete('varve', '')).toEqual(expect.arrayContaining(['up', 'get', 'image', 'node', 'why']));
  });

  test('completes what was begun', async () => {
    expect(await complete('varve', 'image', 'di')).toEqual(['diff']);
  });

  test('knows the commands below a command', async () => {
    expect(await complete('varve', 'host', '')).toEqual(
      expect.arrayContaining(['status', 'rebase', 'kargs', 'rollback', 'diff', 'gc', 'selftest']),
    );
  });

  test('offers the flags of a command', async () => {
    expect(await complete('varve', 'image', 'import', '--')).toEqual(expect.arrayContaining(['--repo', '--as']));
  });
});
