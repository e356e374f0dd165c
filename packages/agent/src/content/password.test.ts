import { expect, test } from 'vitest';
import { passwordHashOf, withPasswordHash } from './password.ts';

const shadow = 'root:*:19000:0:99999:7:::\ncore:!:19001:0:99999:7:::\ncorey:$1$x:1::::::\n';

test('one field of one line changes', () => {
  expect(withPasswordHash(shadow, 'core', '$6$new')).toBe(
    'root:*:19000:0:99999:7:::\ncore:$6$new:19001:0:99999:7:::\ncorey:$1$x:1::::::\n',
  );
  expect(passwordHashOf(shadow, 'core')).toBe('!');
});

test.each([
  ['', 'core:h:::::::\n'],
  ['root:*:1::::::', 'root:*:1::::::\ncore:h:::::::\n'],
])('a user without a line in %j gets one', (before, after) => {
  expect(withPasswordHash(before, 'core', 'h')).toBe(after);
  expect(passwordHashOf(after, 'core')).toBe('h');
});
