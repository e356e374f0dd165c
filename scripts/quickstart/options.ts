// What the quickstart was asked to do, and where it keeps what.
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `npm run quickstart -- [options]

From a fresh clone to three hosts on an OS image of your own, in seven steps.
On a terminal it stays up at the end until Ctrl-C; otherwise it ends, and leaves nothing running.

  --keep             keep hosts, registry and server state afterwards (default: they are removed)
  --clean            remove everything that any quickstart left, caches included, and end
  --directory DIR    where hosts and server state live (default: /var/lib/varve/quickstart)
  --cache DIR        where the base image is cached between runs (default: /var/cache/varve)
  --timings FILE     write the time of each step, in seconds, as JSON
  --help             this text
`;

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
