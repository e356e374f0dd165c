// What may stand in a kernel argument. Boot loader entries are scripts: GRUB's blscfg expands variables in the options
// line and a newline would start another key, so characters with a meaning there are refused, not quoted.
import type { ValidationRule } from './structural-schema.ts';

/** What `kernelArgumentProblem` accepts, as rules on one entry. */
export const kernelArgumentRules: readonly ValidationRule[] = [
  { rule: "self.matches(r'[^ ]')", message: 'is empty' },
  {
    rule: "self.matches(r'^[\\x20-\\x7e]*$') && !self.matches(r'''[\"'`$;{}\\\\|&<>]''')",
    message: 'holds a character that is not printable ASCII, or that boot loaders interpret',
  },
  {
    rule: "!self.matches(r'(^| )=')",
    message: 'holds a word without a name before "="',
  },
  {
    rule: "!self.matches(r'(^| )ostree=')",
    message: 'sets ostree=, which names the deployment and is written by OSTree alone',
  },
];

/** The first problem of one entry of `spec.kernelArguments`, or undefined when it is sound. */
export function kernelArgumentProblem(argument: string): string | undefined {
  if (argument.trim() === '') return 'is empty';
  if (!/^[\x20-\x7e]*$/.test(argument)) return 'holds a character that is not printable ASCII';
  const special = /["'`$;{}\\|&<>]/.exec(argument);
  if (special) return `holds ${special[0]}, which boot loaders interpret`;
  for (const word of splitKernelArgument(argument)) {
    if (word.startsWith('=')) return `"${word}" has no name before "="`;
    if (/^ostree=/.test(word)) return 'sets ostree=, which names the deployment and is written by OSTree alone';
  }
  return undefined;
}

/** What a config does to the kernel command line; each argument is one word. */
export interface KernelArgumentChange {
  /** Come after what the host was installed with, in this order. */
  readonly add: readonly string[];
  /** Taken from what the host was installed with. */
  readonly remove: readonly string[];
}

/**
 * `spec.kernelArguments` and Ignition's `kernelArguments` (coreos/ignition docs/configuration-v3_5.md): shouldExist adds
 * what nobody else adds, shouldNotExist takes an argument away wherever it came from. The reference reads the first only,
 * and cannot take away what the image brought.
 */
export function kernelArgumentChange(
  kernelArguments: readonly string[] = [],
  ignition: {
    readonly shouldExist?: readonly string[] | undefined;
    readonly shouldNotExist?: readonly string[] | undefined;
  } = {},
): KernelArgumentChange {
  const remove = [...new Set((ignition.shouldNotExist ?? []).flatMap(splitKernelArgument))];
  const add = kernelArguments.flatMap(splitKernelArgument).filter((word) => !remove.includes(word));
  for (const word of (ignition.shouldExist ?? []).flatMap(splitKernelArgument)) if (!add.includes(word)) add.push(word);
  return { add, remove };
}

/** The whole command line of a host that was installed with `base`, without `ostree=`. */
export function kernelCommandLine(base: readonly string[], { add, remove }: KernelArgumentChange): string[] {
  return [...base.filter((word) => !remove.includes(word)), ...add];
}

/** One entry may hold several arguments with spaces between them, as OpenShift allows. */
export function splitKernelArgument(argument: string): string[] {
  return argument.split(' ').filter((word) => word !== '');
}
