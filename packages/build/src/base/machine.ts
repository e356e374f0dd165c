// What the machine that builds tells about itself: its release and its way to the packages.
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { BuildError } from '../error.ts';
import { parseOsRelease } from '../os-release.ts';
import { type AptSetting, parseAptConfig } from './apt-settings.ts';
import { type AptSource, parseDeb822Sources, parseSourcesList } from './sources.ts';

export interface Machine {
  /** os-release's ID: `debian`, `ubuntu`. */
  readonly distribution: string;
  /** Its release, such as `bookworm`. */
  readonly suite: string;
  /** Debian's name of its architecture. */
  readonly architecture: string;
  readonly sources: readonly AptSource[];
  readonly settings: readonly AptSetting[];
}

export async function readMachine(signal?: AbortSignal): Promise<Machine> {
  const osRelease = parseOsRelease(await fs.readFile('/etc/os-release', 'utf8'));
  const distribution = osRelease.get('ID') ?? '';
  const suite = osRelease.get('VERSION_CODENAME') ?? '';
  if (suite === '') {
    throw new BuildError(
      'APT_SOURCES_UNUSABLE',
      '/etc/os-release has no VERSION_CODENAME; name the suite of the base image',
    );
  }
  const options = { signal, timeout: 60_000 };
  const architecture = await runCommand('dpkg', ['--print-architecture'], options);
  const settings = parseAptConfig(await runCommand('apt-config', ['dump'], options));
  return { distribution, suite, architecture, sources: await readSources('/etc/apt'), settings };
}

async function readSources(directory: string): Promise<AptSource[]> {
  const sources = parseSourcesList(await readIfPresent(join(directory, 'sources.list')));
  const parts = join(directory, 'sources.list.d');
  for (const name of (await fs.readdir(parts).catch(() => [])).sort()) {
    const text = await readIfPresent(join(parts, name));
    if (name.endsWith('.list')) sources.push(...parseSourcesList(text));
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(text));
  }
  return sources;
}

async function readIfPresent(path: string): Promise<string> {
  return fs.readFile(path, 'utf8').catch(() => '');
}
