// varve node join: what the command line says, as the agent's joinHost takes it.
import { readFile } from 'node:fs/promises';
import { joinHost, stateDirectoryOf } from '@varve/agent';
import type { Context } from '../context.ts';
import { CliError } from '../error.ts';

export interface JoinRequest {
  readonly server: string;
  readonly token: string;
  readonly caHash?: string;
  readonly caFile?: string;
  readonly name?: string;
  readonly sysroot: string;
  readonly timeout: number;
}

export interface JoinResult {
  readonly node: string;
  readonly server: string;
  readonly joinedNow: boolean;
}

export async function runJoin(request: JoinRequest, context: Context): Promise<JoinResult> {
  const { server, token, caHash, caFile, name, sysroot, timeout } = request;
  if (caHash !== undefined && caFile !== undefined)
    throw new CliError('USAGE', 'give --ca-hash or --ca-file, not both');
  const joined = await joinHost({
    server,
    token,
    stateDirectory: stateDirectoryOf(sysroot),
    timeout,
    signal: context.signal,
    onProgress: (message) => context.terminal.err(message),
    ...(name === undefined ? {} : { nodeName: name }),
    ...(caHash === undefined ? {} : { caPin: caHash }),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  });
  return { node: joined.nodeName, server: joined.server, joinedNow: joined.joinedNow };
}
