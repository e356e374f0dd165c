// Test support: a fleet in memory whose server refuses stale writes and whose agents keep to the protocol. The properties
// of plan.test.ts drive it through random orders of events.
import type { MachineConfigNode, MachineConfigPool, Node } from '@varve/api';
import { withStep } from './controller.ts';
import type { Member, Target } from './member.ts';
import { planRollout, type RolloutPlan } from './plan.ts';

type NodeStatus = NonNullable<MachineConfigNode['status']>;
type Update = NonNullable<NodeStatus['update']>;

export interface Host {
  state: MachineConfigNode;
  node: Node;
  /** What its agent saw when it last looked: it acts on this, and may be late. */
  seen: MachineConfigNode;
  /** Between the first disruptive action of an update and its end, success or not. */
  disrupted: boolean;
}

export class Fleet {
  readonly hosts = new Map<string, Host>();
  pool: MachineConfigPool;
  target: Target;
  #version = 1;
  #pending: { plan: RolloutPlan; versions: Map<string, string>; next: number } | undefined;

  constructor(size: number, maxUnavailable: number | string) {
    this.pool = { apiVersion: '', kind: 'MachineConfigPool', metadata: { name: 'web' }, spec: { maxUnavailable } };
    this.target = targetOf(1);
    for (let index = 0; index < size; index++) {
      const name = `n${index}`;
      const state = newState(name);
      this.hosts.set(name, { state, node: newNode(name), seen: state, disrupted: false });
    }
  }

  members(): Member[] {
    return [...this.hosts].map(([name, { node, state }]) => ({ name, node, state }));
  }

  get disrupted(): number {
    return [...this.hosts.values()].filter((host) => host.disrupted).length;
  }

  /** The controller looks at everything; what an earlier one had not written yet is lost with it. */
  plan(): RolloutPlan {
    const plan = planRollout(this.pool, this.target, this.members());
    const versions = new Map([...this.hosts].map(([name, host]) => [name, host.state.metadata.resourceVersion ?? '']));
    this.#pending = { plan, versions, next: 0 };
    return plan;
  }

  /** Writes the next step of the last plan, when its object has not changed since. */
  applyNext(): boolean {
    const pending = this.#pending;
    const step = pending?.plan.steps[pending.next];
    if (!pending || !step) return false;
    pending.next += 1;
    const host = this.hosts.get(step.node);
    if (!host || !pending.plan.target || host.state.metadata.resourceVersion !== pending.versions.get(step.node)) {
      this.#pending = undefined;
      return false;
    }
    this.#write(host, withStep(host.state, step, pending.plan.target));
    return true;
  }

  look(host: Host): void {
    host.seen = host.state;
  }

  /** One step of the host's agent. False when there is nothing to do for it. */
  act(host: Host, outcome: 'success' | 'failure'): boolean {
    const { status } = host.state;
    const { spec } = host.seen;
    const desired = spec.configVersion.desired;
    const step = status?.update?.step;
    const current = status?.configVersion?.current;
    if (step === 'Applying' || step === 'Rebooting') {
      host.disrupted = true;
      this.#report(host, { step: step === 'Applying' ? 'Rebooting' : 'Verifying' });
      return true;
    }
    if (step === 'Verifying') {
      this.#finish(host, status?.update?.config ?? '', outcome);
      return true;
    }
    if (desired === '' || current === desired) return false;
    if (status?.update?.staged !== desired) {
      if (outcome === 'success') this.#report(host, { staged: desired, step: 'Staged' });
      else this.#report(host, { step: 'Failed', lastFailure: failureFor(desired, 'Staging') }, undefined, 'True');
      return true;
    }
    if (spec.update?.phase !== 'Applied') return false;
    // The handshake: refused when the object is not what the agent looked at.
    if (host.seen.metadata.resourceVersion !== host.state.metadata.resourceVersion) return false;
    this.#report(host, { step: 'Applying', config: desired });
    return true;
  }

  #finish(host: Host, config: string, outcome: 'success' | 'failure'): void {
    host.disrupted = false;
    if (outcome === 'success') this.#report(host, { step: 'Done' }, config, 'False');
    else this.#report(host, { step: 'Failed', lastFailure: failureFor(config, 'Verifying') }, undefined, 'True');
  }

  #report(host: Host, update: Update, current?: string, degraded?: 'True' | 'False'): void {
    const old = host.state.status;
    const time = '2026-01-01T00:00:00Z';
    const condition = {
      type: 'NodeDegraded',
      status: degraded ?? 'False',
      reason: '',
      message: '',
      lastTransitionTime: time,
    };
    this.#write(host, {
      ...host.state,
      status: {
        ...old,
        update: { ...old?.update, ...update },
        ...(current !== undefined && { configVersion: { current } }),
        conditions: degraded ? [condition] : (old?.conditions ?? []),
      },
    });
  }

  #write(host: Host, state: MachineConfigNode): void {
    this.#version += 1;
    host.state = { ...state, metadata: { ...state.metadata, resourceVersion: String(this.#version) } };
  }
}

export function targetOf(version: number): Target {
  return { config: `rendered-web-${version}`, image: `registry/os@sha256:${String(version).padStart(64, '0')}` };
}

export function setReady(node: Node, ready: boolean): Node {
  return { ...node, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } };
}

function newState(name: string): MachineConfigNode {
  return {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name, resourceVersion: '1' },
    spec: { node: { name }, pool: { name: 'web' }, configVersion: { desired: '' } },
  };
}

function newNode(name: string): Node {
  return setReady({ apiVersion: 'v1', kind: 'Node', metadata: { name } }, true);
}

function failureFor(config: string, step: 'Staging' | 'Verifying'): NonNullable<Update['lastFailure']> {
  return { code: 'BROKEN', message: 'it is broken', config, step, time: '2026-01-01T00:00:00Z' };
}
