import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog, type AuditLogOptions } from './audit-log.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-audit-'));
  path = join(directory, 'audit.log');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function open(options: Partial<AuditLogOptions> = {}): AuditLog {
  const onError = (error: unknown) => {
    throw error;
  };
  return AuditLog.open({ path, onError, ...options });
}

/** Numbers of the events in a file; a line that is none is undefined. */
function numbersIn(file: string): (number | undefined)[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines.pop(), 'a file ends with its last line').toBe('');
  return lines.map((line) => {
    try {
      const { number } = JSON.parse(line);
      return Number(number);
    } catch {
      return undefined;
    }
  });
}

describe('the audit log', () => {
  test('has an event in its file when write returns, and only its owner can read it', () => {
    using log = open();
    log.write({ number: 1 });
    expect(numbersIn(path)).toEqual([1]);
    log.write({ number: 2, text: 'ü'.repeat(100_000) });
    expect(numbersIn(path)).toEqual([1, 2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('goes on after a process that ended in the middle of a line', () => {
    open().write({ number: 1 });
    appendFileSync(path, '{"number":2,"te');
    using log = open();
    log.write({ number: 3 });
    expect(numbersIn(path)).toEqual([1, undefined, 3]);
  });

  test('puts full files aside, and keeps some', () => {
    using log = open({ maxBytes: 40, keep: 3 });
    // Twelve bytes each and a thirteenth for those of two digits.
    for (let number = 0; number < 40; number++) log.write({ number });
    expect(readdirSync(directory).sort()).toEqual(['audit.log', 'audit.log.1', 'audit.log.2', 'audit.log.3']);
    const numbers = ['audit.log.3', 'audit.log.2', 'audit.log.1', 'audit.log'].flatMap((name) =>
      numbersIn(join(directory, name)),
    );
    expect(numbers.at(-1)).toBe(39);
    expect(numbers).toEqual(Array.from(numbers, (_, index) => 40 - numbers.length + index));
  });
});
