// The stateroot of a host: the name under which OSTree keeps its deployments and their /var.
import { readFile } from 'node:fs/promises';
import { defaultStateroot } from '../state/paths.ts';
import { parseCommandLine } from './boot-entry.ts';

/** Of a booted host, what it booted from: installers give it a name of theirs, such as `default` or `fedora-coreos`. */
export async function staterootOf(sysroot: string, given: string | undefined): Promise<string> {
  if (given !== undefined || sysroot !== '/') return given ?? defaultStateroot;
  return parseStateroot(await readFile('/proc/cmdline', 'utf8')) ?? defaultStateroot;
}

/** From a kernel's command line; undefined when it did not boot from OSTree. */
export function parseStateroot(commandLine: string): string | undefined {
  return /^\/ostree\/boot\.[01]\/([^/]+)\//.exec(parseCommandLine(commandLine).ostree ?? '')?.[1];
}
