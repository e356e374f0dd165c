// What may stand in a kernel argument. Boot loader entries are scripts: GRUB's blscfg expands variables in the options
// line and a newline would start another key, so characters with a meaning there are refused, not quoted.

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

/** One entry may hold several arguments with spaces between them, as OpenShift allows. */
export function splitKernelArgument(argument: string): string[] {
  return argument.split(' ').filter((word) => word !== '');
}
