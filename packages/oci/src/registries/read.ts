import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OciError } from '../error.ts';
import {
  emptyRegistriesConf,
  mergeRegistriesConf,
  parseRegistriesConf,
  type RegistriesConf,
} from './registries-conf.ts';

const maximumFileSize = 1024 * 1024;

export interface RegistriesFiles {
  /** CONTAINERS_REGISTRIES_CONF and HOME are read. */
  environment: Record<string, string | undefined>;
  /** Where the system's files are; `/etc/containers`. */
  systemDirectory?: string;
}

/**
 * Reads what this machine says of registries: the file that CONTAINERS_REGISTRIES_CONF names and no other, or the user's
 * `registries.conf` or else the system's, and the files of both `registries.conf.d` directories after it.
 * @throws OciError REGISTRIES_CONF_INVALID
 */
export async function readRegistriesConf({
  environment,
  systemDirectory = '/etc/containers',
}: RegistriesFiles): Promise<RegistriesConf> {
  const explicit = environment.CONTAINERS_REGISTRIES_CONF;
  if (explicit) return (await readConf(explicit)) ?? missing(explicit);
  const directories = [systemDirectory];
  if (environment.HOME) directories.push(join(environment.HOME, '.config/containers'));
  let main: RegistriesConf | undefined;
  const files: RegistriesConf[] = [];
  for (const directory of directories) {
    main = (await readConf(join(directory, 'registries.conf'))) ?? main;
    for (const name of await namesIn(join(directory, 'registries.conf.d'))) {
      files.push((await readConf(join(directory, 'registries.conf.d', name))) ?? emptyRegistriesConf);
    }
  }
  return mergeRegistriesConf([main ?? emptyRegistriesConf, ...files]);
}

async function namesIn(directory: string): Promise<string[]> {
  const names = (await unlessMissing(readdir(directory), directory)) ?? [];
  return names.filter((name) => name.endsWith('.conf')).sort();
}

async function readConf(path: string): Promise<RegistriesConf | undefined> {
  const text = await unlessMissing(readFile(path, 'utf8'), path);
  if (text === undefined) return undefined;
  if (text.length > maximumFileSize) throw new OciError('REGISTRIES_CONF_INVALID', `${path} is too large`);
  return parseRegistriesConf(text, path);
}

async function unlessMissing<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined;
    throw new OciError('REGISTRIES_CONF_INVALID', `${path} cannot be read; check its owner and mode`, { cause });
  }
}

function missing(path: string): never {
  throw new OciError('REGISTRIES_CONF_INVALID', `${path}, which CONTAINERS_REGISTRIES_CONF names, does not exist`);
}
