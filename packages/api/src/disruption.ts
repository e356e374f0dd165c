// What a change does to a running host. The agent acts on it, the rollout controller drains by it, `varve plan` shows it.
import * as z from 'zod';
import { builtInRules, builtInUnitRules, type DisruptionPolicy, type PolicyAction } from './disruption-policy.ts';
import { type ConfigFingerprint, changedKeys, fingerprintConfig } from './fingerprint.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';

export const actionSchema = z.discriminatedUnion('kind', [
  /** Reboot: nothing else is needed. None: something changes, and nothing has to be told. */
  z.object({ kind: z.enum(['Reboot', 'Drain', 'DaemonReload', 'None']) }).readonly(),
  z
    .object({
      kind: z.enum(['Reload', 'Restart']),
      unit: z.string(),
      /** From a built-in rule: a host without the unit, or where it does not run, has nothing to do. */
      ifRunning: z.boolean(),
    })
    .readonly(),
]);
export type Action = z.infer<typeof actionSchema>;

interface Rule {
  readonly actions: readonly PolicyAction[];
  readonly builtIn: boolean;
}

interface Rules {
  readonly files: ReadonlyMap<string, Rule>;
  readonly units: ReadonlyMap<string, Rule>;
  readonly sshkey: Rule;
}

/**
 * The actions that bring a host from one config to another, each once and in the order in which they are done; empty
 * when nothing changes. `old` is undefined for a host whose config is not known. A change without a rule needs a boot,
 * as in the reference (machine-config-operator pkg/daemon/update.go,
 * calculatePostConfigChangeNodeDisruptionActionFromMCDiffs). Pure.
 */
export function decideActions(
  old: MachineConfigSpec | undefined,
  next: MachineConfigSpec,
  policy: DisruptionPolicy | undefined,
): Action[] {
  return decideFromFingerprint(old && fingerprintConfig(old), fingerprintConfig(next), policy);
}

/** As `decideActions`, for who has only the fingerprints. */
export function decideFromFingerprint(
  old: ConfigFingerprint | undefined,
  next: ConfigFingerprint,
  policy: DisruptionPolicy | undefined,
): Action[] {
  if (!old || needsBoot(old, next)) return [{ kind: 'Reboot' }];
  const rules = rulesOf(policy ?? {});
  return actionsBy([
    ...changedKeys(old.paths, next.paths).map((path) => closestRule(path, rules.files)),
    ...changedKeys(old.units, next.units).map((unit) => rules.units.get(unit)),
    ...changedKeys(old.users, next.users).map(() => rules.sshkey),
  ]);
}

/** What rules are about. */
export type EntryKind = 'File' | 'Directory' | 'Link' | 'Unit' | 'User';

/** The actions of one entry's change, as if it were the only one. */
export function entryActions(kind: EntryKind, name: string, policy: DisruptionPolicy | undefined): Action[] {
  const rules = rulesOf(policy ?? {});
  if (kind === 'User') return actionsBy([rules.sshkey]);
  return actionsBy([kind === 'Unit' ? rules.units.get(name) : closestRule(name, rules.files)]);
}

function actionsBy(matched: readonly (Rule | undefined)[]): Action[] {
  const actions: Action[] = [];
  for (const rule of matched) {
    if (!rule) return [{ kind: 'Reboot' }];
    actions.push(...rule.actions.map((action) => actionOf(action, rule.builtIn)));
  }
  return normalize(actions, matched.length > 0);
}

/** Whether the change is done without a boot. */
export function isLive(actions: readonly Action[]): boolean {
  return actions.every((action) => action.kind !== 'Reboot');
}

/** Whether workloads must leave the host before the change is made. */
export function needsDrain(actions: readonly Action[]): boolean {
  return actions.some((action) => action.kind === 'Reboot' || action.kind === 'Drain');
}

/** For people: `reload crio.service`. */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'Reload':
    case 'Restart':
      return `${action.kind.toLowerCase()} ${action.unit}`;
    case 'DaemonReload':
      return 'reload the unit files';
    case 'None':
      return 'nothing to restart';
    default:
      return action.kind.toLowerCase();
  }
}

function needsBoot(old: ConfigFingerprint, next: ConfigFingerprint): boolean {
  return old.boot !== next.boot || (next.image !== undefined && next.image !== old.image);
}

/** A rule of the administrator's takes the place of a built-in one of the same path or unit. */
function rulesOf(policy: DisruptionPolicy): Rules {
  const files = new Map<string, Rule>();
  for (const { path, actions } of builtInRules) files.set(path, { actions, builtIn: true });
  for (const { path, actions } of policy.files ?? []) files.set(path, { actions, builtIn: false });
  const units = new Map<string, Rule>();
  for (const { name, actions } of builtInUnitRules) units.set(name, { actions, builtIn: true });
  for (const { name, actions } of policy.units ?? []) units.set(name, { actions, builtIn: false });
  return { files, units, sshkey: { actions: policy.sshkey?.actions ?? [{ type: 'None' }], builtIn: !policy.sshkey } };
}

/** All rules that hold: the built-in ones, each replaced where the administrator has one for its path or unit, then the rest. */
export function rulesInForce(policy: DisruptionPolicy | undefined): Required<DisruptionPolicy> {
  const { files, units, sshkey } = rulesOf(policy ?? {});
  return {
    files: [...files].map(([path, { actions }]) => ({ path, actions: [...actions] })),
    units: [...units].map(([name, { actions }]) => ({ name, actions: [...actions] })),
    sshkey: { actions: [...sshkey.actions] },
  };
}

/** Of the path itself, or of the nearest directory above it. */
function closestRule(path: string, rules: ReadonlyMap<string, Rule>): Rule | undefined {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const rule = rules.get(at);
    if (rule) return rule;
  }
  return rules.get('/');
}

function actionOf(action: PolicyAction, ifRunning: boolean): Action {
  switch (action.type) {
    case 'Reload':
      return { kind: 'Reload', unit: action.reload?.serviceName ?? '', ifRunning };
    case 'Restart':
      return { kind: 'Restart', unit: action.restart?.serviceName ?? '', ifRunning };
    default:
      return { kind: action.type };
  }
}

/**
 * Unit files are read again before any unit is touched, and each unit once: a restart makes a reload superfluous, an
 * administrator's wish is stronger than a built-in one.
 */
function normalize(actions: readonly Action[], changed: boolean): Action[] {
  const has = (kind: Action['kind']) => actions.some((action) => action.kind === kind);
  if (has('Reboot')) return [{ kind: 'Reboot' }];
  const result: Action[] = [];
  if (has('Drain')) result.push({ kind: 'Drain' });
  if (has('DaemonReload')) result.push({ kind: 'DaemonReload' });
  const units = new Map<string, Extract<Action, { unit: string }>>();
  for (const action of actions) {
    if (!('unit' in action)) continue;
    const other = units.get(action.unit);
    const kind = other?.kind === 'Restart' ? 'Restart' : action.kind;
    units.set(action.unit, { kind, unit: action.unit, ifRunning: action.ifRunning && (other?.ifRunning ?? true) });
  }
  result.push(...units.values());
  return result.length === 0 && changed ? [{ kind: 'None' }] : result;
}
