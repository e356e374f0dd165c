import { expect, test } from 'vitest';
import { overlayIn } from './usr-overlay.ts';

const root = '29 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw';
const readOnlyUsr = '31 29 252:1 /ostree/deploy/os/deploy/x.0/usr /usr ro,relatime shared:2 - ext4 /dev/vda1 rw';
const unlocked =
  '90 29 0:45 / /usr rw,relatime shared:60 master:2 - overlay overlay rw,lowerdir=usr,upperdir=/var/tmp/o/upper';

test.each([
  ['nothing', [root], false],
  ['the image alone, mounted read-only', [root, readOnlyUsr], false],
  ['an overlay', [root, readOnlyUsr, unlocked], true],
  ['an overlay without optional fields', [unlocked.replace(' shared:60 master:2', '')], true],
  ['an overlay below it', [unlocked.replace(' /usr ', ' /usr/share ')], false],
  ['a root that is one', [unlocked.replace(' /usr ', ' / ')], false],
  ['a file system that only calls itself so', [readOnlyUsr.replace('/dev/vda1', 'overlay')], false],
])('with %s over /usr', (_name, mounts, isOver) => {
  const drift = overlayIn(`${mounts.join('\n')}\n`);
  expect(drift?.path).toBe(isOver ? '/usr' : undefined);
});
