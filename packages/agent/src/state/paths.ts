// Where an agent keeps what it must remember. Everything is below the stateroot's /var, which every deployment shares.
import { join } from 'node:path';

export const defaultStateroot = 'varve';

export interface StatePaths {
  readonly directory: string;
  /** Key, certificate and server of the joined host. */
  readonly identity: string;
  /** What the host was installed with. */
  readonly host: string;
  /** What is booted, for a sysroot in a directory. */
  readonly booted: string;
  /** There while a reboot is due, for a sysroot in a directory. */
  readonly bootRequested: string;
  /** The last accepted desired state. */
  readonly desired: string;
  readonly staged: string;
  /** Fetched contents of remote sources. */
  readonly sources: string;
  readonly verified: string;
  /** There while an apply works on the sysroot. */
  readonly applying: string;
  readonly lock: string;
}

/** The agent's state directory of a sysroot: on a booted host /var/lib/varve, else the same place from outside. */
export function stateDirectoryOf(sysroot: string, stateroot = defaultStateroot): string {
  return sysroot === '/' ? '/var/lib/varve' : join(sysroot, 'ostree/deploy', stateroot, 'var/lib/varve');
}

export function statePaths(directory: string): StatePaths {
  return {
    directory,
    identity: join(directory, 'identity'),
    host: join(directory, 'host.json'),
    booted: join(directory, 'booted.json'),
    bootRequested: join(directory, 'boot-requested'),
    desired: join(directory, 'desired.json'),
    staged: join(directory, 'staged.json'),
    sources: join(directory, 'sources'),
    verified: join(directory, 'verified.json'),
    applying: join(directory, 'applying'),
    lock: join(directory, 'agent.lock'),
  };
}
