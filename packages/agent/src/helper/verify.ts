// Which targets a host may act on. A VerifiedTarget is made here and nowhere else: what a driver is given was checked.
import {
  canonicalJson,
  type DisruptionPolicy,
  type DriftPolicy,
  digestConfig,
  type HealthChecks,
  type HostDrain,
  keyObjects,
  type MachineConfigSpec,
  openTarget,
  type TargetStatement,
} from '@varve/api';
import { AgentError } from '../error.ts';
import type { Trust } from './trust.ts';

const verified: unique symbol = Symbol('verified');

/** What a host is to run. The symbol keeps other modules from writing one down. */
export interface VerifiedTarget {
  readonly [verified]: true;
  readonly pool: string;
  /** Rendered config. */
  readonly config: string;
  /** By digest; absent when the config leaves the host on the image that it runs. */
  readonly image?: string | undefined;
  readonly phase: 'Staged' | 'Applied';
  readonly spec: MachineConfigSpec;
  /** The administrator's rules for what a change does to the running host. */
  readonly disruption?: DisruptionPolicy | undefined;
  /** How long the host's drain hooks may take. */
  readonly drain?: HostDrain | undefined;
  /** What makes the host healthy after an update. */
  readonly health?: HealthChecks | undefined;
  /** What is done about managed paths that somebody changed. */
  readonly drift?: DriftPolicy | undefined;
  /** The signed statement; absent for a target of whoever is root here. */
  readonly envelope?: string | undefined;
}

/** A target as it comes from outside: the signed statement, and the spec of the config that it names. */
export interface SignedTarget {
  readonly envelope: string;
  readonly spec: MachineConfigSpec;
}

/** The newest statement that a host has taken. */
export interface Newest {
  readonly sequence: number;
  /** Canonical JSON of the statement. */
  readonly statement: string;
}

/** A target of whoever is root on this host: nobody signs it. */
export function trustLocally(
  target: Pick<VerifiedTarget, 'config' | 'image' | 'spec'> & Partial<Omit<VerifiedTarget, 'envelope'>>,
): VerifiedTarget {
  return { pool: '', phase: 'Applied', ...target, [verified]: true };
}

/**
 * The statement, when it is signed by a key that the host holds, is about this host, and is none from before `newest`.
 * Throws TARGET_UNSIGNED, TARGET_MISMATCH or TARGET_REPLAYED.
 */
export function verifyStatement(
  envelope: string,
  trust: Trust | undefined,
  newest: Newest | undefined,
): TargetStatement {
  if (!trust) {
    throw new AgentError(
      'TARGET_UNSIGNED',
      'this host holds no configuration keys, so that no target can be checked: join it again',
    );
  }
  const opened = openTarget(envelope, keyObjects(trust.keys));
  if ('problem' in opened) {
    throw new AgentError(
      'TARGET_UNSIGNED',
      `the target of this host ${opened.problem}; the control plane signs it again, or its keys are not those of this host`,
    );
  }
  const { statement } = opened;
  if (statement.host !== trust.host) {
    throw new AgentError(
      'TARGET_MISMATCH',
      `the target is signed for host ${statement.host}, this is ${trust.host}; look for who moved it`,
    );
  }
  refuseReplay(statement, newest);
  return statement;
}

/** All of `verifyStatement`, and that the spec and the image are those that were signed. */
export function verifyTarget(
  { envelope, spec }: SignedTarget,
  trust: Trust | undefined,
  newest: Newest | undefined,
): VerifiedTarget {
  const statement = verifyStatement(envelope, trust, newest);
  const { pool, config, configDigest, phase, disruption, drain, health, drift } = statement;
  const digest = digestConfig(spec);
  if (digest !== configDigest) {
    throw new AgentError(
      'TARGET_MISMATCH',
      `config ${config} has digest ${digest}, signed is ${configDigest}; somebody changed it after it was rendered`,
    );
  }
  const image = statement.image ?? (spec.osImageURL || undefined);
  if (image !== undefined && !/@sha256:[0-9a-f]{64}$/.test(image)) {
    throw new AgentError('TARGET_MISMATCH', `config ${config} names ${image}, which is no digest; render it again`);
  }
  return { [verified]: true, pool, config, image, phase, spec, disruption, drain, health, drift, envelope };
}

/** What to remember of a statement that was taken. */
export function newestOf(statement: TargetStatement): Newest {
  return { sequence: statement.sequence, statement: canonicalJson(statement) };
}

function refuseReplay(statement: TargetStatement, newest: Newest | undefined): void {
  if (!newest || statement.sequence > newest.sequence) return;
  if (statement.sequence === newest.sequence && canonicalJson(statement) === newest.statement) return;
  throw new AgentError(
    'TARGET_REPLAYED',
    `the target with ${statement.config} has sequence ${statement.sequence}, and ${newest.sequence} was taken before; the host stays on the newer one`,
  );
}
