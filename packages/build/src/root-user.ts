import { BuildError } from './error.ts';

/** Both builders change owners, make device nodes and mount: only root can. Throws BUILD_NEEDS_ROOT. */
export function requireRoot(what: string): void {
  if (process.geteuid?.() === 0) return;
  throw new BuildError('BUILD_NEEDS_ROOT', `${what} needs root (owners, device nodes, mounts); run it with sudo`);
}
