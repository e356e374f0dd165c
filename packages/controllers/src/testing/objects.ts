// For tests: a pool, what it selects, and a policy.
import {
  type ClusterImagePolicy,
  type MachineConfig,
  type MachineConfigPool,
  type MachineConfigSpec,
  roleLabel,
} from '@varve/api';

const apiVersion = 'machineconfiguration.openshift.io/v1';

export function poolOf(name: string): MachineConfigPool {
  const spec = { machineConfigSelector: { matchLabels: { [roleLabel]: name } } };
  return { apiVersion, kind: 'MachineConfigPool', metadata: { name, uid: `uid of ${name}` }, spec };
}

export function configFor(pool: string, spec: MachineConfigSpec): MachineConfig {
  return { apiVersion, kind: 'MachineConfig', metadata: { name: `50-${pool}`, labels: { [roleLabel]: pool } }, spec };
}

/** Asks for signatures of one key on all images of a registry. */
export function imagePolicyOf(name: string, registry: string): ClusterImagePolicy {
  const publicKey = { keyData: Buffer.from('a key').toString('base64') };
  const policy = { rootOfTrust: { policyType: 'PublicKey' as const, publicKey } };
  return {
    apiVersion: 'config.openshift.io/v1',
    kind: 'ClusterImagePolicy',
    metadata: { name },
    spec: { scopes: [registry], policy },
  };
}
