// Where an agent keeps what it must remember. Everything is below the stateroot's /var, which every deployment shares.
// Two owners, two directories: `agent` is the network side's, and nothing that is privileged relies on it; `root` decides
// what is done to the host.
import { join } from 'node:path';

export const defaultStateroot = 'varve';

export interface StatePaths {
  readonly directory: string;
  /** The network side's. */
  readonly agent: string;
  /** Root's. */
  readonly root: string;
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
  /** The update that has not proved itself. */
  readonly probation: string;
  /** Targets that are not tried again. */
  readonly failed: string;
  /** Whether the control plane was reached when the last update began. */
  readonly departure: string;
  /** What a live apply has changed so far; there until it has proved itself. */
  readonly journal: string;
  /** There while an apply works on the sysroot. */
  readonly applying: string;
  /** Whose targets this host takes. */
  readonly trust: string;
  /** The newest target that was taken. */
  readonly newest: string;
  /** Configs that were made on this host. */
  readonly local: string;
  /** One network side per host. */
  readonly agentLock: string;
  /** One hand on the sysroot. */
  readonly lock: string;
}

/** The agent's state directory of a sysroot: on a booted host /var/lib/varve, else the same place from outside. */
export function stateDirectoryOf(sysroot: string, stateroot = defaultStateroot): string {
  return sysroot === '/' ? '/var/lib/varve' : join(sysroot, 'ostree/deploy', stateroot, 'var/lib/varve');
}

export function statePaths(directory: string): StatePaths {
  const agent = join(directory, 'agent');
  const root = join(directory, 'host');
  return {
    directory,
    agent,
    root,
    identity: join(agent, 'identity'),
    desired: join(agent, 'desired.json'),
    verified: join(agent, 'verified.json'),
    departure: join(agent, 'departure.json'),
    agentLock: join(agent, 'agent.lock'),
    trust: join(root, 'trust.json'),
    newest: join(root, 'newest.json'),
    host: join(root, 'host.json'),
    booted: join(root, 'booted.json'),
    bootRequested: join(root, 'boot-requested'),
    staged: join(root, 'staged.json'),
    sources: join(root, 'sources'),
    probation: join(root, 'probation.json'),
    failed: join(root, 'failed.json'),
    journal: join(root, 'journal.json'),
    applying: join(root, 'applying'),
    local: join(root, 'local'),
    lock: join(root, 'host.lock'),
  };
}
