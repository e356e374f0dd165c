// The audit log on a disk without room, and of a process that is killed.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditLog } from './audit-log.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-audit-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function numbersIn(path: string): Promise<number[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => Number(JSON.parse(line).number));
}

test('events wait for room on a full disk, and the oldest of too many are given up', async () => {
  await spawn('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
  try {
    const path = join(directory, 'audit.log');
    const ballast = join(directory, 'ballast');
    await writeFile(ballast, Buffer.alloc(40_000));
    const errors: unknown[] = [];
    using log = AuditLog.open({ path, onError: (error) => errors.push(error), maxPending: 50 });
    let number = 0;
    while (errors.length === 0) log.write({ number: number++, pad: 'x'.repeat(1000) });
    expect(errors).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    for (let more = 0; more < 20; more++) log.write({ number: number++, pad: 'x'.repeat(1000) });
    expect(errors).toHaveLength(1);
    await rm(ballast);
    log.write({ number: number++ });
    expect(await numbersIn(path)).toEqual(Array.from({ length: number }, (_, index) => index));

    while (errors.length < 4) log.write({ number: number++, pad: 'x'.repeat(1000) });
    expect(errors.slice(1)).toEqual([
      expect.objectContaining({ code: 'ENOSPC' }),
      expect.objectContaining({ message: expect.stringContaining('is lost') }),
      expect.objectContaining({ message: expect.stringContaining('is lost') }),
    ]);
  } finally {
    await spawn('umount', ['--lazy', directory]);
  }
});

test('what was written before a kill -9 is there', async () => {
  const path = join(directory, 'audit.log');
  const program = `
    import { writeSync } from 'node:fs';
    const [, module, path] = process.argv;
    const { AuditLog } = await import(module);
    const log = AuditLog.open({ path, onError: (error) => { throw error; } });
    for (let number = 0; ; number++) {
      log.write({ number });
      writeSync(1, number + '\\n');
    }
  `;
  const module = new URL('./audit-log.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, module, path]);
  let told = -1;
  try {
    for await (const line of child.stdout) {
      if (/^\d+$/.test(line)) told = Number(line);
      if (told === 500) (await child.nodeChildProcess).kill('SIGKILL');
    }
    await child;
  } catch (error) {
    if (!(error instanceof SubprocessError) || error.signalName !== 'SIGKILL') throw error;
  }
  const numbers = await numbersIn(path);
  // A number that was cut off by the kill is smaller than what was written.
  expect(numbers.length).toBeGreaterThan(Math.max(told, 500));
  expect(numbers).toEqual(numbers.map((_, index) => index));
});
