import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineDiff, redact } from './line-diff.ts';

test.each([
  ['a\nb\nc\n', 'a\nx\nc\n', ' a\n-b\n+x\n c'],
  ['a\n', 'a\nb\n', ' a\n+b'],
  ['a\nb\n', '', '-a\n-b'],
  ['a\nb\nc\nd\ne\nf\n', 'a\nb\nc\nd\ne\ng\n', '…\n e\n-f\n+g'],
  ['a\n', 'a', ''],
])('%j and %j', (config, host, diff) => {
  expect(lineDiff(config, host)).toBe(diff);
});

test.each([
  ['password=hunter2', 'password ***'],
  ['  db_token: abc', '  db_token ***'],
  ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN me', 'ssh-ed25519 *** me'],
  ['PermitRootLogin yes', 'PermitRootLogin yes'],
  ['/usr/lib/systemd/system/multi-user.target.wants', '/usr/lib/systemd/system/multi-user.target.wants'],
])('%s is shown as %s', (line, shown) => {
  expect(redact(line)).toBe(shown);
});

test('what is no text, or too long, is not compared', () => {
  expect(lineDiff('a\0', 'b')).toBeUndefined();
  expect(lineDiff('a\n'.repeat(2_000), 'b')).toBeUndefined();
  expect(lineDiff('', 'word and word\n'.repeat(900))?.length).toBeLessThanOrEqual(2_049);
});

test('the lines of both sides are all there, in their order', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (config, host) => {
      const end = (lines: string[]) => lines.map((line) => `${line}\n`).join('');
      const lines = (lineDiff(end(config), end(host)) ?? '').split('\n').filter((line) => line !== '');
      const changed = (sign: string) => lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1));
      const isPart = (part: string[], whole: string[]) => {
        let index = 0;
        for (const item of whole) if (item === part[index]) index++;
        return index === part.length;
      };
      expect(isPart(changed('-'), config)).toBe(true);
      expect(isPart(changed('+'), host)).toBe(true);
      expect(config.length - changed('-').length).toBe(host.length - changed('+').length);
    }),
  );
});
