// Kernel arguments that somebody adds to a config or takes away by hand. Pure.
import { kernelArgumentChangeOf, type MachineConfigSpec, parseIgnition, splitKernelArgument } from '@varve/api';
import { AgentError } from '../error.ts';

export interface KernelArgumentEdit {
  readonly append: readonly string[];
  readonly remove: readonly string[];
}

/**
 * `base`: what the host was installed with; taking one of those away is kept in the config as well. Throws
 * CONFIG_UNSUPPORTED for one to take away that is not there.
 */
export function editKernelArguments(
  spec: MachineConfigSpec,
  base: readonly string[],
  { append, remove }: KernelArgumentEdit,
): MachineConfigSpec {
  const change = kernelArgumentChangeOf(spec);
  const added = [...change.add];
  const removed = [...change.remove];
  for (const word of remove.flatMap(splitKernelArgument)) {
    if (added.includes(word)) added.splice(added.indexOf(word), 1);
    else if (base.includes(word) && !removed.includes(word)) removed.push(word);
    else {
      throw new AgentError('CONFIG_UNSUPPORTED', `the host has no kernel argument ${word}; see \`varve host kargs\``);
    }
  }
  for (const word of append.flatMap(splitKernelArgument)) {
    if (removed.includes(word)) removed.splice(removed.indexOf(word), 1);
    else if (!added.includes(word) && !base.includes(word)) added.push(word);
  }
  return withKernelArguments(spec, added, removed);
}

function withKernelArguments(
  { kernelArguments: _replaced, config, ...spec }: MachineConfigSpec,
  added: readonly string[],
  removed: readonly string[],
): MachineConfigSpec {
  const { kernelArguments: _folded, ...ignition } = parseIgnition(config) ?? { ignition: { version: '3.4.0' } };
  const isNeeded = config !== undefined || removed.length > 0;
  return {
    ...spec,
    ...(added.length > 0 ? { kernelArguments: [...added] } : {}),
    ...(isNeeded
      ? {
          config: { ...ignition, ...(removed.length > 0 ? { kernelArguments: { shouldNotExist: [...removed] } } : {}) },
        }
      : {}),
  };
}
