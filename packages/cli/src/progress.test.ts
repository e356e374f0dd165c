import { describe, expect, test } from 'vitest';
import type { Terminal } from './output.ts';
import { formatBar, ProgressBar, type TransferProgress } from './progress.ts';

const half: TransferProgress = {
  step: 'fetch',
  bytesDone: 5_000_000,
  bytesTotal: 10_000_000,
  bytesReused: 200_000_000,
};

function record(interactive: boolean): { terminal: Terminal; lines: string[]; statuses: string[] } {
  const [lines, statuses]: [string[], string[]] = [[], []];
  const terminal: Terminal = {
    out: () => undefined,
    err: (text) => void lines.push(text),
    status: (text) => void statuses.push(text),
    interactive,
  };
  return { terminal, lines, statuses };
}

describe('ProgressBar', () => {
  test('says what was fetched and what need not be', () => {
    expect(formatBar(half)).toBe('[############------------] fetch: 5.0 MB of 10.0 MB, 200.0 MB reused');
  });

  test('is full where there is nothing to fetch', () => {
    expect(formatBar({ step: 'done', bytesDone: 0, bytesTotal: 0, bytesReused: 0 })).toMatch(
      /^\[#{24}\] done: 0 B of 0 B$/,
    );
  });

  test('redraws ten times a second, and at each step, and goes away', () => {
    const { terminal, statuses, lines } = record(true);
    let now = 0;
    {
      using bar = new ProgressBar(terminal, () => now);
      for (now = 0; now < 1000; now += 10) bar.update(half);
      bar.update({ ...half, step: 'merge' });
    }
    expect([statuses.length, statuses.at(-1), lines.length]).toEqual([12, '', 0]);
  });

  test('writes plain lines where nobody watches', () => {
    const { terminal, statuses, lines } = record(false);
    let now = 0;
    using bar = new ProgressBar(terminal, () => now);
    for (now = 0; now < 12_000; now += 100) bar.update(half);
    bar.update({ ...half, step: 'merge' });
    expect([lines.length, statuses.length]).toEqual([4, 0]);
  });
});
