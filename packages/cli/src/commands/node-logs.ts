// varve node logs: the control plane cannot reach a host, so the host is asked by an annotation and answers in its status.
import { setTimeout as sleep } from 'node:timers/promises';
import { logsRequestedAnnotation, machineConfigNodeResource } from '@varve/api';
import type { KubeClient } from '@varve/kube';
import { CliError } from '../error.ts';

export interface LogOptions {
  /** At most, the newest ones. */
  readonly lines: number;
  /** Milliseconds to wait for the host. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

const pollMilliseconds = 250;

/** The newest lines that the agent of `node` logged, oldest first. NODE_SILENT when it does not answer. */
export async function fetchLogs(client: KubeClient, node: string, options: LogOptions): Promise<string[]> {
  const { lines, timeout, signal } = options;
  const requested = new Date().toISOString();
  const ask = async (value: string | null, until: AbortSignal) => {
    const metadata = { annotations: { [logsRequestedAnnotation]: value } };
    await client.patch(machineConfigNodeResource, node, { metadata }, { signal: until });
  };
  await ask(requested, signal);
  try {
    for (
      const end = performance.now() + timeout;
      performance.now() < end;
      await sleep(pollMilliseconds, undefined, { signal })
    ) {
      const { status } = await client.get(machineConfigNodeResource, node, { signal });
      if (status?.logs?.requested !== requested) continue;
      return status.logs.text === '' ? [] : status.logs.text.split('\n').slice(-lines);
    }
  } finally {
    // Also after Ctrl-C; nobody is to answer this any more.
    await ask(null, AbortSignal.timeout(5_000)).catch(() => {});
  }
  throw new CliError(
    'NODE_SILENT',
    `${node} did not answer within ${timeout / 1000} s; \`varve why ${node}\` says when it was heard of last`,
  );
}
