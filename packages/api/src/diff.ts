// What separates two rendered configs, as steps with reasons. The agent acts on it, the render controller refuses by
// it what no host could follow, and `varve plan` and `varve why` print it.
import { canonicalJson } from './canonical-json.ts';
import { describeAction, type EntryKind, entryActions, isLive } from './disruption.ts';
import type { DisruptionPolicy } from './disruption-policy.ts';
import { extensionsImageOf, isLayered, kernelTypeOf } from './layering.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import { kernelArgumentChangeOf, parseIgnition } from './merge.ts';

export interface ConfigStep {
  readonly kind: 'Image' | 'KernelArguments' | 'KernelType' | 'Extension' | 'ExtensionsImage' | 'Fips' | EntryKind;
  /** What differs: a path, a unit, a user, an extension, an image reference; '' where the kind says it all. */
  readonly name: string;
  readonly change: 'Add' | 'Change' | 'Remove';
  /** Live: done to the running host. Reboot: takes effect with the next deployment. Refuse: no running host can follow. */
  readonly action: 'Live' | 'Reboot' | 'Refuse';
  /** One sentence without a full stop, for people. */
  readonly reason: string;
}

/**
 * Steps from what a host has to what it is to have; `actual` is undefined for a host that has no config yet. Empty
 * when both mean the same. A desired config without an image leaves the host on the image that it runs. One step that
 * needs a boot takes all others with it.
 */
export function diffConfigs(
  actual: MachineConfigSpec | undefined,
  desired: MachineConfigSpec,
  policy?: DisruptionPolicy,
): ConfigStep[] {
  const before = parseIgnition(actual?.config);
  const after = parseIgnition(desired.config);
  const withActions = (step: EntryStep) => (actual ? liveStep(step, policy) : step);
  return [
    ...fipsSteps(actual, desired),
    ...layeringSteps(actual, desired),
    ...imageSteps(actual, desired),
    ...kernelArgumentSteps(actual, desired),
    ...[
      ...entrySteps('File', 'path', before?.storage?.files, after?.storage?.files),
      ...entrySteps('Directory', 'path', before?.storage?.directories, after?.storage?.directories),
      ...entrySteps('Link', 'path', before?.storage?.links, after?.storage?.links),
      ...entrySteps('Unit', 'name', before?.systemd?.units, after?.systemd?.units),
      ...entrySteps('User', 'name', before?.passwd?.users, after?.passwd?.users),
    ].map(withActions),
  ];
}

interface EntryStep extends ConfigStep {
  readonly kind: EntryKind;
}

function liveStep(step: EntryStep, policy: DisruptionPolicy | undefined): ConfigStep {
  const actions = entryActions(step.kind, step.name, policy);
  if (!isLive(actions)) return step;
  return { ...step, action: 'Live', reason: `${step.reason}; ${actions.map(describeAction).join(', ')}` };
}

/** FIPS mode is chosen when a host is installed. */
function fipsSteps(actual: MachineConfigSpec | undefined, desired: MachineConfigSpec): ConfigStep[] {
  if (!actual || Boolean(actual.fips) === Boolean(desired.fips)) return [];
  const reason = `FIPS mode is ${actual.fips ? 'on' : 'off'} since the host was installed and cannot change`;
  return [{ kind: 'Fips', name: '', change: 'Change', action: 'Refuse', reason }];
}

/** Another kernel and packages on top of the image come from an extensions image; without one they come with the image. */
function layeringSteps(actual: MachineConfigSpec | undefined, desired: MachineConfigSpec): ConfigStep[] {
  return extensionsImageOf(desired) === undefined && isLayered(desired)
    ? refusedLayering(desired)
    : changedLayering(actual ?? {}, desired);
}

function refusedLayering(desired: MachineConfigSpec): ConfigStep[] {
  const advice = 'name the extensions image in spec.baseOSExtensionsContainerImage, for hosts with rpm-ostree, or';
  const steps: ConfigStep[] = [];
  const kernel = kernelTypeOf(desired);
  if (kernel !== 'default') {
    const reason = `nobody says where kernel type ${kernel} comes from: ${advice} install that kernel in the Containerfile`;
    steps.push({ kind: 'KernelType', name: kernel, change: 'Change', action: 'Refuse', reason });
  }
  for (const name of new Set(desired.extensions)) {
    const reason = `nobody says where extension ${name} comes from: ${advice} install its packages in the Containerfile`;
    steps.push({ kind: 'Extension', name, change: 'Add', action: 'Refuse', reason });
  }
  return steps;
}

function changedLayering(actual: MachineConfigSpec, desired: MachineConfigSpec): ConfigStep[] {
  const steps: ConfigStep[] = [];
  const [from, to] = [kernelTypeOf(actual), kernelTypeOf(desired)];
  if (from !== to) {
    const reason = `the kernel type changes from ${from} to ${to}`;
    steps.push({ kind: 'KernelType', name: to, change: 'Change', action: 'Reboot', reason });
  }
  const [had, has] = [new Set(actual.extensions), new Set(desired.extensions)];
  for (const name of has.difference(had)) {
    steps.push({ kind: 'Extension', name, change: 'Add', action: 'Reboot', reason: `extension ${name} is added` });
  }
  for (const name of had.difference(has)) {
    steps.push({ kind: 'Extension', name, change: 'Remove', action: 'Reboot', reason: `extension ${name} goes` });
  }
  const [before, after] = [extensionsImageOf(actual), extensionsImageOf(desired)];
  if (before !== undefined && after !== undefined && before !== after) {
    const reason = `packages come from the extensions image ${after} instead of ${before}`;
    steps.push({ kind: 'ExtensionsImage', name: after, change: 'Change', action: 'Reboot', reason });
  }
  return steps;
}

function imageSteps(actual: MachineConfigSpec | undefined, desired: MachineConfigSpec): ConfigStep[] {
  const to = desired.osImageURL;
  const from = actual?.osImageURL;
  if (!to || to === from) return [];
  const reason = from ? `the image changes from ${from} to ${to}` : `the image becomes ${to}`;
  return [{ kind: 'Image', name: to, change: from ? 'Change' : 'Add', action: 'Reboot', reason }];
}

function kernelArgumentSteps(actual: MachineConfigSpec | undefined, desired: MachineConfigSpec): ConfigStep[] {
  const { add: from, remove: less } = kernelArgumentChangeOf(actual ?? {});
  const { add: to, remove } = kernelArgumentChangeOf(desired);
  if (from.join(' ') === to.join(' ') && less.join(' ') === remove.join(' ')) return [];
  const added = [
    ...to.filter((argument) => !from.includes(argument)),
    ...less.filter((word) => !remove.includes(word)),
  ];
  const gone = [...from, ...remove.filter((word) => !less.includes(word))];
  const removed = gone.filter((argument) => !to.includes(argument));
  const parts = [
    ...(added.length > 0 ? [`adds ${added.join(' ')}`] : []),
    ...(removed.length > 0 ? [`removes ${removed.join(' ')}`] : []),
  ];
  const reason = `the kernel command line ${parts.length > 0 ? parts.join(' and ') : `becomes ${to.join(' ')}`}`;
  return [{ kind: 'KernelArguments', name: '', change: 'Change', action: 'Reboot', reason }];
}

function entrySteps<K extends string, T extends Record<K, string>>(
  kind: EntryKind,
  key: K,
  actual: readonly T[] = [],
  desired: readonly T[] = [],
): EntryStep[] {
  const before = new Map(actual.map((entry) => [entry[key], entry]));
  const steps: EntryStep[] = [];
  const noun = kind.toLowerCase();
  for (const entry of desired) {
    const name: string = entry[key];
    const old = before.get(entry[key]);
    before.delete(entry[key]);
    if (!old) steps.push({ kind, name, change: 'Add', action: 'Reboot', reason: `${noun} ${name} is added` });
    else if (canonicalJson(old) !== canonicalJson(entry)) {
      const fields = changedFields(old, entry).join(', ');
      steps.push({ kind, name, change: 'Change', action: 'Reboot', reason: `${noun} ${name} changes: ${fields}` });
    }
  }
  for (const name of before.keys()) {
    const reason = `${noun} ${name} is no longer managed: the image's own version returns, or it vanishes`;
    steps.push({ kind, name, change: 'Remove', action: 'Reboot', reason });
  }
  return steps;
}

function changedFields(old: object, next: object): string[] {
  const before = new Map(Object.entries(old));
  const after = new Map(Object.entries(next));
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (field) => canonicalJson(before.get(field)) !== canonicalJson(after.get(field)),
  );
}
