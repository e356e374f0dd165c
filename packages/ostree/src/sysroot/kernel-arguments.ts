import { OstreeError } from '../error.ts';

/**
 * Printable ASCII without quotes, white space and what a boot loader that reads its entries as a script (GRUB does) would
 * take for syntax.
 */
const safeArgument = /^[A-Za-z0-9_.,:=/@%+~^!?*()[\]-]+$/;

const maximumArguments = 256;
/** The kernel's own limit on x86 (COMMAND_LINE_SIZE), less what OSTree adds. */
const maximumLength = 2048 - 256;

/** @throws OstreeError KERNEL_ARGUMENT_INVALID */
export function assertKernelArguments(kernelArguments: readonly string[]): void {
  for (const argument of kernelArguments) {
    if (!safeArgument.test(argument)) {
      throw invalid(
        argument,
        'has a space, a quote, a line break or another character that boot loaders give a meaning',
      );
    }
    if (/^ostree(?:=|$)/.test(argument)) throw invalid(argument, 'is set by OSTree itself');
  }
  const length = kernelArguments.join(' ').length;
  if (kernelArguments.length > maximumArguments || length > maximumLength) {
    throw new OstreeError(
      'KERNEL_ARGUMENT_INVALID',
      `${kernelArguments.length} kernel arguments with ${length} characters are too many; ${maximumArguments} and ${maximumLength} are the most`,
    );
  }
}

function invalid(argument: string, why: string): OstreeError {
  return new OstreeError(
    'KERNEL_ARGUMENT_INVALID',
    `the kernel argument ${JSON.stringify(argument.slice(0, 200))} ${why}; remove it`,
  );
}
