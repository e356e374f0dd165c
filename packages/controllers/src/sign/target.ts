// The signed target of a host, made from its MachineConfigNode. Pure but for the signature. Whoever writes the spec writes the signature with it, so that an agent never sees one without the other.
import { createPrivateKey, createPublicKey } from 'node:crypto';
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
export type TargetPolicies = Pick<TargetContent, 'disruption' | 'health' | 'drift'>;

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

/** The object with a signature over `content`; the same object when it has one by the key that signs now. */
export function withSignedTarget(
  state: MachineConfigNode,
  content: TargetContent,
  { privateKey, chain }: SigningKeys,
  now: Date,
): MachineConfigNode {
  const key = createPrivateKey(privateKey);
  const trusted = followKeys(chain, undefined);
  const present = state.metadata.annotations?.[signedTargetAnnotation] ?? '';
  // Only a sequence that was signed counts: anybody else's could be so high that none can follow.
  const opened = openTarget(present, 'keys' in trusted ? keyObjects(trusted.keys) : []);
  const signed = 'statement' in opened ? opened : undefined;
  if (signed?.keyId === keyIdOf(createPublicKey(key)) && isSame(signed.statement, content)) return state;
  const sequence = nextSequence(signed?.statement.sequence, now);
  const envelope = signTarget({ ...content, sequence }, key);
  const annotations = { ...state.metadata.annotations, [signedTargetAnnotation]: envelope };
  return { ...state, metadata: { ...state.metadata, annotations } };
}

function isSame({ sequence: _, ...signed }: TargetContent & { sequence: number }, content: TargetContent): boolean {
  return canonicalJson(signed) === canonicalJson(content);
}
