// Names a base image by all that goes into it, so that an unchanged base is not made twice.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure, runCommand } from '../command.ts';
import type { BasePlan } from './plan.ts';
import { overlayDirectory } from './root-directory.ts';

/** Raised when the code makes another image of the same inputs. */
const formatVersion = 1;

/** 64 hexadecimal digits that change when the plan, the overlay or a version of a package changes. */
export async function cacheKey(plan: BasePlan, versions: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ formatVersion, ...plan, versions }));
  const entries = await readdir(overlayDirectory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const content = await readFile(file);
    const executable = ((await stat(file)).mode & 0o100) !== 0;
    hash.update(JSON.stringify([file.slice(overlayDirectory.length), executable, content.length])).update(content);
  }
  return hash.digest('hex');
}

/**
 * The versions that apt would install now, from the lists that this machine has. Empty where it has none, or serves another
 * suite: then only `refresh` asks for newer packages.
 */
export async function resolveVersions(plan: BasePlan, machineSuite: string, signal?: AbortSignal): Promise<string[]> {
  if (plan.suite !== machineSuite) return [];
  const args = [
    'install',
    '--simulate',
    '-qq',
    '--no-install-recommends',
    '-oDir::State::status=/dev/null',
    '-oDir::State::extended_states=/dev/null',
    'apt',
    '?essential',
    ...plan.packages,
  ];
  try {
    return parseSimulation(await runCommand('apt-get', args, { signal, timeout: 60_000, env: { LC_ALL: 'C' } }));
  } catch (error) {
    if (error instanceof CommandFailure) return [];
    throw error;
  }
}

/** `Inst NAME (VERSION SOURCE…)` lines of apt-get --simulate as sorted `NAME VERSION`. */
export function parseSimulation(output: string): string[] {
  const versions: string[] = [];
  for (const line of output.split('\n')) {
    const match = /^Inst (?<name>\S+) (?:\[[^\]]*\] )?\((?<version>\S+) /.exec(line)?.groups;
    if (match !== undefined) versions.push(`${match.name} ${match.version}`);
  }
  return versions.sort();
}
