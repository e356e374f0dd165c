// Which deployment a machine runs. The `ostree=` of its kernel command line names a link, and OSTree turns those links elsewhere
// when it writes deployments: soon after the boot it leads to nothing, or to another deployment. The directory that became
// the root stays what it is.
import { glob, stat } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * Name (`<checksum>.<serial>`) of the deployment that is `root`, by device and inode, as libostree finds it
 * (ostree-sysroot.c, parse_deployment); undefined where none is, as with a root of composefs.
 */
export async function runningDeployment(root: string, sysroot: string): Promise<string | undefined> {
  const running = await stat(root, { bigint: true });
  for await (const path of glob('ostree/deploy/*/deploy/*.*', { cwd: sysroot })) {
    const name = basename(path);
    if (!/^[0-9a-f]{64}\.[0-9]+$/.test(name)) continue;
    const { dev, ino } = await stat(`${sysroot}/${path}`, { bigint: true });
    if (dev === running.dev && ino === running.ino) return name;
  }
  return undefined;
}
