// What the quickstart was asked to do, and where it keeps what.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** In a file, so that `--help` needs neither npm dependencies nor Node 26. */
export const usage = readFileSync(new URL('usage.txt', import.meta.url), 'utf8');

export interface QuickstartOptions {
  readonly keep: boolean;
  readonly clean: boolean;
  readonly help: boolean;
  readonly directory: string;
  readonly cacheDirectory: string;
  readonly timings: string | undefined;
}

/** Throws a TypeError whose message names the bad argument. */
export function parseOptions(args: readonly string[]): QuickstartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      keep: { type: 'boolean', default: false },
      clean: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      directory: { type: 'string', default: '/var/lib/varve/quickstart' },
      cache: { type: 'string', default: '/var/cache/varve' },
      timings: { type: 'string' },
    },
  });
  const { keep, clean, help, directory, cache, timings } = values;
  return { keep, clean, help, directory, cacheDirectory: cache, timings };
}

export interface Paths {
  readonly root: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly hosts: string;
  readonly logs: string;
  host(name: string): string;
  log(name: string): string;
}

export function pathsIn(directory: string): Paths {
  const hosts = join(directory, 'hosts');
  const logs = join(directory, 'logs');
  return {
    root: directory,
    server: join(directory, 'server'),
    kubeconfig: join(directory, 'server', 'kubeconfig'),
    hosts,
    logs,
    host: (name) => join(hosts, name),
    log: (name) => join(logs, `${name}.log`),
  };
}
