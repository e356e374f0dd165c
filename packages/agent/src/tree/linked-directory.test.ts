import { expect, test } from 'vitest';
import { linkedDirectoryOf, linkProblem, throughLink } from './linked-directory.ts';

test.each([
  ['/opt/a', '/opt'],
  ['/usr/local/bin/a', '/usr/local'],
  ['/optional/a', undefined],
  ['/opt', undefined],
  ['/etc/opt/a', undefined],
])('%s lies below %s', (path, linked) => {
  expect(linkedDirectoryOf(path)).toBe(linked);
});

test.each([
  ['/opt/a/b', '/opt', 'var/opt', '/var/opt/a/b'],
  ['/opt/a', '/opt', '/var/opt', '/var/opt/a'],
  ['/usr/local/a', '/usr/local', '../var/usrlocal', '/var/usrlocal/a'],
] as const)('%s behind %s to %s is %s', (path, linked, link, real) => {
  expect(linkProblem(path, linked, link)).toBeUndefined();
  expect(throughLink(path, linked, link)).toBe(real);
});

test.each([
  ['usr/lib/opt', '/opt of this image leads to /usr/lib/opt'],
  [undefined, '/opt of this image is no link into /var'],
  ['../../var', '/opt of this image leads to /var'],
  ['var/../etc', '/opt of this image leads to /etc'],
])('below a link to %s nothing is managed, and it says why', (link, why) => {
  const problem = linkProblem('/opt/a', '/opt', link);
  expect(problem).toContain(why);
  expect(problem).toContain('make /opt a link to /var/opt');
});
