// The kubectl that this machine has, where it is new enough; else the newest that an npm package brings.
import spawn from 'nano-spawn';
import { kubectlFromNpm, packagedMinors } from './npm-package.ts';

/** Older ones validate with OpenAPI v2, which the API server does not serve. */
const oldestMinor = 29;

export interface Kubectl {
  readonly path: string;
  /** Such as `v1.36.1`. */
  readonly version: string;
  /** Why the one in PATH was passed over; empty where it serves. */
  readonly instead: string;
}

/** Fails with a message that says how to get kubectl. */
export async function findKubectl(cacheDirectory: string, signal?: AbortSignal): Promise<Kubectl> {
  const installed = await kubectlVersion('kubectl', signal);
  if (isNewEnough(installed)) return { path: 'kubectl', version: installed, instead: '' };
  const path = await kubectlFromNpm(cacheDirectory, Math.max(...packagedMinors), signal);
  const version = await kubectlVersion(path, signal);
  if (version === '') throw new Error(`${path} does not run; install kubectl 1.${oldestMinor} or newer by hand`);
  const instead = installed === '' ? 'there is none in PATH' : `the one in PATH is ${installed}, too old`;
  return { path, version, instead };
}

export function isNewEnough(version: string): boolean {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= oldestMinor);
}

/** `v1.32.3`, or nothing where there is no such program or it does not run. */
async function kubectlVersion(path: string, signal?: AbortSignal): Promise<string> {
  try {
    const { stdout } = await spawn(path, ['version', '--client', '--output=json'], {
      ...(signal === undefined ? {} : { signal }),
      timeout: 20_000,
      stdin: 'ignore',
    });
    return /"gitVersion":\s*"([^"]+)"/.exec(stdout)?.[1] ?? '';
  } catch {
    signal?.throwIfAborted();
    return '';
  }
}
