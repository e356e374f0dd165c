// Signs what a MachineConfigNode's spec asks for, with all that the administrator says about it.
import {
  digestConfig,
  disruptionPolicyOf,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  type MachineConfiguration,
  machineConfigurationName,
  type SigningKeys,
} from '@varve/api';
import type { Informer } from '@varve/kube';
import { type Signer, signerOf, type TargetPolicies, targetContent, withSignedTarget } from './target.ts';

/** Where the controllers get the key that signs. It may change while they run. */
export interface SigningKeySource {
  current(): SigningKeys;
  /** Calls back after each rotation. */
  onChange(listener: () => void): void;
}

/** Copies of what is signed, and of what is said about it. */
interface Informers {
  readonly configs: Pick<Informer<MachineConfig>, 'get'>;
  readonly configurations: Pick<Informer<MachineConfiguration>, 'get'>;
  readonly pools: Pick<Informer<MachineConfigPool>, 'get'>;
}

export class TargetSigner {
  readonly keys: SigningKeySource;
  readonly #informers: Informers;
  /** Rendered configs never change, are large, and each is signed for many hosts. */
  readonly #digests = new WeakMap<MachineConfig, string>();
  readonly #signers = new WeakMap<SigningKeys, Signer>();

  constructor(informers: Informers, keys: SigningKeySource) {
    this.#informers = informers;
    this.keys = keys;
  }

  /** The object with the signature of what its spec asks for; the same object when there is nothing to sign. */
  sign(state: MachineConfigNode): MachineConfigNode {
    const config = this.#informers.configs.get(state.spec.configVersion.desired);
    if (!config) return state;
    const content = targetContent(state, this.#digestOf(config), this.#policiesFor(state.spec.pool.name));
    return content ? withSignedTarget(state, content, this.#signer(), new Date()) : state;
  }

  #signer(): Signer {
    const keys = this.keys.current();
    const signer = this.#signers.get(keys) ?? signerOf(keys);
    this.#signers.set(keys, signer);
    return signer;
  }

  #policiesFor(name: string): TargetPolicies {
    const pool = this.#informers.pools.get(name);
    const timeoutSeconds = pool?.spec.drainPolicy?.timeoutSeconds;
    return {
      disruption: disruptionPolicyOf(this.#informers.configurations.get(machineConfigurationName)),
      health: pool?.spec.healthChecks,
      drift: pool?.spec.driftPolicy,
      ...(timeoutSeconds !== undefined && { drain: { timeoutSeconds } }),
    };
  }

  #digestOf(config: MachineConfig): string {
    const known = this.#digests.get(config);
    if (known !== undefined) return known;
    const digest = digestConfig(config.spec);
    this.#digests.set(config, digest);
    return digest;
  }
}
