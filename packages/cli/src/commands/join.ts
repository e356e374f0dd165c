// varve node join: what the command line says, as the agent's joinHost and joinByFile take it.
import { readFile } from 'node:fs/promises';
import { joinByFile, joinHost, stateDirectoryOf } from '@varve/agent';
import type { Context } from '../context.ts';
import { CliError } from '../error.ts';

/** As they were given. */
export interface JoinFlags {
  readonly server?: string;
  readonly token?: string;
  readonly caHash?: string;
  readonly caFile?: string;
  readonly file?: string;
  readonly firstBoot?: boolean;
  readonly name?: string;
  readonly sysroot: string;
  readonly timeout: number;
}

export interface JoinResult {
  readonly node: string;
  readonly server: string;
  readonly joinedNow: boolean;
}

export async function runJoin(flags: JoinFlags, context: Context): Promise<JoinResult> {
  const { name, sysroot, timeout } = flags;
  const common = {
    stateDirectory: stateDirectoryOf(sysroot),
    timeout,
    signal: context.signal,
    onProgress: (message: string) => context.terminal.err(message),
    ...(name === undefined ? {} : { nodeName: name }),
  };
  const joined = await (flags.file === undefined
    ? joinHost({ ...common, ...(await serverOf(flags)) })
    : joinByFile({ ...common, path: onlyFile(flags), firstBoot: flags.firstBoot ?? false }));
  return { node: joined.nodeName, server: joined.server, joinedNow: joined.joinedNow };
}

async function serverOf({ server, token = process.env.VARVE_JOIN_TOKEN, caHash, caFile, firstBoot }: JoinFlags) {
  if (firstBoot) throw new CliError('USAGE', '--first-boot needs a join file: --file');
  if (server === undefined) throw new CliError('USAGE', 'where to join is needed: --server, or --file');
  if (token === undefined) throw new CliError('USAGE', 'a join token is needed: --token or VARVE_JOIN_TOKEN');
  if (caHash !== undefined && caFile !== undefined)
    throw new CliError('USAGE', 'give --ca-hash or --ca-file, not both');
  return {
    server,
    token,
    ...(caHash === undefined ? {} : { caPin: caHash }),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  };
}

function onlyFile({ file = '', server, token, caHash, caFile }: JoinFlags): string {
  if ([server, token, caHash, caFile].every((flag) => flag === undefined)) return file;
  throw new CliError(
    'USAGE',
    '--file says where to join and how: leave out --server, --token, --ca-hash and --ca-file',
  );
}
