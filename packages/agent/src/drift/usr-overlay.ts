// Whether something else than the image lies over /usr: `ostree admin unlock`, `bootc usr-overlay` and systemd-sysext(8) all
// mount an overlay there.
import { readFile } from 'node:fs/promises';
import type { Drift } from '../content/check.ts';
import { maxDrift } from './host-drift.ts';

/** Adds it to what is told of the running system. */
export async function withUsrOverlay(drift: readonly Drift[]): Promise<Drift[]> {
  const overlay = overlayIn(await readFile('/proc/self/mountinfo', 'utf8'));
  return overlay ? [overlay, ...drift].slice(0, maxDrift) : [...drift];
}

/** `mounts` as in proc_pid_mountinfo(5): optional fields end with `-`, and the type of the file system follows. Pure. */
export function overlayIn(mounts: string): Drift | undefined {
  const isOver = mounts.split('\n').some((line) => {
    const fields = line.split(' ');
    return fields[4] === '/usr' && fields[fields.indexOf('-', 6) + 1] === 'overlay';
  });
  if (!isOver) return undefined;
  const message =
    'an overlay lies over it, so that what runs is not the image alone; look for `ostree admin unlock`, `bootc usr-overlay` or systemd-sysext, or boot';
  return { path: '/usr', kind: 'Image', message };
}
