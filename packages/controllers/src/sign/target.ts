// The signed target of a host, made from its MachineConfigNode. Pure but for the signature. Whoever writes the spec writes the signature with it, so that an agent never sees one without the other.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import {
  canonicalJson,
  followKeys,
  keyIdOf,
  keyObjects,
  type MachineConfigNode,
  nextSequence,
  openTarget,
  type SigningKeys,
  signedTargetAnnotation,
  signTarget,
  type TargetContent,
} from '@varve/api';

/** What the administrator says besides the config; it reaches the host inside the statement. */
export type TargetPolicies = Pick<TargetContent, 'disruption' | 'drain' | 'health' | 'drift'>;

/** What the spec asks of the host, `configDigest` being that of the config it names; undefined when it asks for nothing. */
export function targetContent(
  state: MachineConfigNode,
  configDigest: string,
  policies: TargetPolicies,
): TargetContent | undefined {
  const { node, pool, configVersion, configImage, update } = state.spec;
  if (configVersion.desired === '' || pool.name === '') return undefined;
  return {
    host: node.name,
    pool: pool.name,
    config: configVersion.desired,
    configDigest,
    ...(configImage?.desiredImage ? { image: configImage.desiredImage } : {}),
    phase: update?.phase ?? 'Staged',
    ...policies,
  };
}

/** Keys as they are used: each is made once, and signs for many hosts. */
export interface Signer {
  readonly key: KeyObject;
  readonly keyId: string;
  /** Whose signatures count, for the sequence. */
  readonly trusted: readonly KeyObject[];
}

export function signerOf({ privateKey, chain }: SigningKeys): Signer {
  const key = createPrivateKey(privateKey);
  const newest = followKeys(chain, undefined);
  return { key, keyId: keyIdOf(createPublicKey(key)), trusted: 'keys' in newest ? keyObjects(newest.keys) : [] };
}

/** The object with a signature over `content`; the same object when it has one by the key that signs now. */
export function withSignedTarget(
  state: MachineConfigNode,
  content: TargetContent,
  { key, keyId, trusted }: Signer,
  now: Date,
): MachineConfigNode {
  const present = state.metadata.annotations?.[signedTargetAnnotation] ?? '';
  // Only a sequence that was signed counts: anybody else's could be so high that none can follow.
  const opened = openTarget(present, trusted);
  const signed = 'statement' in opened ? opened : undefined;
  if (signed?.keyId === keyId && isSame(signed.statement, content)) return state;
  const sequence = nextSequence(signed?.statement.sequence, now);
  const envelope = signTarget({ ...content, sequence }, key);
  const annotations = { ...state.metadata.annotations, [signedTargetAnnotation]: envelope };
  return { ...state, metadata: { ...state.metadata, annotations } };
}

function isSame({ sequence: _, ...signed }: TargetContent & { sequence: number }, content: TargetContent): boolean {
  return canonicalJson(signed) === canonicalJson(content);
}
