// Where a command listens.
import { CliError } from './error.ts';

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address). */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new CliError('USAGE', `--listen is HOST:PORT, such as 127.0.0.1:7443 or :7443; got ${text}`);
  }
  return { host: match[1] ?? (match[2] === '' || match[2] === undefined ? '::' : match[2]), port };
}
