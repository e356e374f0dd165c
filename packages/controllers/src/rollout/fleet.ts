// Test support: a fleet in memory whose server refuses stale writes and whose agents work as real ones do: they act on
// what they last looked at, and report later. The properties of plan.test.ts drive it through random orders of events.
import type { MachineConfigNode, MachineConfigNodeStatus, MachineConfigPool, Node } from '@varve/api';
import { planCordon, wantsCordon, wantsDrain } from '../drain/cordon.ts';
import { withStep } from './controller.ts';
import { type Member, standingOf, type Target } from './member.ts';
import { planRollout, type RolloutPlan } from './plan.ts';

type Update = NonNullable<MachineConfigNodeStatus['update']>;
type Outcome = 'success' | 'failure';

export interface Host {
  /** On the server. */
  state: MachineConfigNode;
  node: Node;
  /** What its agent saw when it last looked: it acts on this. */
  seen: MachineConfigNode;
  /** What its agent knows; on the server only once it is reported. */
  view: MachineConfigNodeStatus;
  /** Between the first disruptive action of an update and its end, success or not. */
  disrupted: boolean;
}

export class Fleet {
  readonly hosts = new Map<string, Host>();
  pool: MachineConfigPool;
  target: Target;
  /** Hosts have workloads that leave before an update. */
  drains = false;
  #version = 1;
  #pending: { plan: RolloutPlan; versions: Map<string, string>; next: number } | undefined;

  constructor(size: number, maxUnavailable: number | string) {
    this.pool = { apiVersion: '', kind: 'MachineConfigPool', metadata: { name: 'web' }, spec: { maxUnavailable } };
    this.target = targetOf(1);
    for (let index = 0; index < size; index++) {
      const state = newState(`n${index}`);
      this.hosts.set(`n${index}`, { state, node: newNode(`n${index}`), seen: state, view: {}, disrupted: false });
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
    const generation = (host.state.metadata.generation ?? 0) + 1;
    const drain = this.drains && step.kind === 'GrantSlot' ? new Date(0) : undefined;
    this.#write(host, { ...withStep(host.state, step, pending.plan.target, drain) }, generation);
    return true;
  }

  /** What the drain controller does about a host; `left`: its workloads have left it, or their time is over. */
  drain(host: Host, left: 'all' | 'some' | 'timeout', pool: MachineConfigPool | undefined = this.#rendered()): void {
    const { node, state } = host;
    const standing = standingOf({ name: node.metadata.name ?? '', node, state }, undefined);
    const draining = wantsDrain(standing, pool);
    const cordon = draining || !wantsCordon(standing, pool) ? planCordon(node, draining, new Date(0)) : undefined;
    if (cordon) host.node = cordon.node;
    else if (draining && left !== 'some') {
      const { drain } = state.spec.update ?? {};
      const update = left === 'all' ? { phase: 'Applied' as const, drain } : { phase: 'Staged' as const };
      this.#write(host, { ...state, spec: { ...state.spec, update } }, (state.metadata.generation ?? 0) + 1);
    }
  }

  #rendered(): MachineConfigPool {
    return { ...this.pool, spec: { ...this.pool.spec, configuration: { name: this.target.config } } };
  }

  /** The agent begins a pass with the newest object. It never looks in the midst of an apply. */
  look(host: Host): void {
    if (host.disrupted) return;
    host.seen = host.state;
    host.view = { ...host.view, observedGeneration: host.seen.metadata.generation };
  }

  /** One step of the host's agent. False when there is nothing to do for it. */
  act(host: Host, outcome: Outcome): boolean {
    const { spec } = host.seen;
    const desired = spec.configVersion.desired;
    const { update, configVersion } = host.view;
    if (host.disrupted) {
      if (update?.step === 'Applying') this.#note(host, { step: 'Rebooting' });
      else if (update?.step === 'Rebooting') this.#note(host, { step: 'Verifying' });
      else this.#finish(host, update?.config ?? '', outcome);
      return true;
    }
    if (desired === '' || configVersion?.current === desired) return false;
    if (update?.staged !== desired) {
      if (outcome === 'success') this.#note(host, { staged: desired, step: 'Staged' });
      else this.#note(host, { step: 'Failed', lastFailure: failureFor(desired, 'Staging') }, 'True');
      return true;
    }
    if (spec.update?.phase !== 'Applied') return false;
    host.disrupted = true;
    this.#note(host, { step: 'Applying', config: desired });
    return true;
  }

  /** What the agent knows reaches the server. */
  report(host: Host): void {
    this.#write(host, { ...host.state, status: host.view }, host.state.metadata.generation ?? 0);
  }

  /** A look, a step and a report. */
  turn(host: Host, outcome: Outcome): void {
    this.look(host);
    this.act(host, outcome);
    this.report(host);
  }

  #finish(host: Host, config: string, outcome: Outcome): void {
    host.disrupted = false;
    if (outcome === 'success') {
      this.#note(host, { step: 'Done' }, 'False');
      host.view = { ...host.view, configVersion: { current: config } };
    } else this.#note(host, { step: 'Failed', lastFailure: failureFor(config, 'Verifying') }, 'True');
  }

  #note(host: Host, update: Update, degraded?: 'True' | 'False'): void {
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    const condition = {
      type: 'NodeDegraded',
      status: degraded ?? 'False',
      reason: '',
      message: '',
      lastTransitionTime,
    };
    host.view = {
      ...host.view,
      update: { ...host.view.update, ...update },
      conditions: degraded ? [condition] : (host.view.conditions ?? []),
    };
  }

  #write(host: Host, state: MachineConfigNode, generation: number): void {
    this.#version += 1;
    host.state = { ...state, metadata: { ...state.metadata, resourceVersion: String(this.#version), generation } };
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
    metadata: { name, resourceVersion: '1', generation: 1 },
    spec: { node: { name }, pool: { name: 'web' }, configVersion: { desired: '' } },
  };
}

function newNode(name: string): Node {
  return setReady({ apiVersion: 'v1', kind: 'Node', metadata: { name } }, true);
}

function failureFor(config: string, step: 'Staging' | 'Verifying'): NonNullable<Update['lastFailure']> {
  return { code: 'BROKEN', message: 'it is broken', config, step, time: '2026-01-01T00:00:00Z' };
}
