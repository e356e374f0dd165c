import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { parseListen } from '../listen.ts';

interface MetricsFlags {
  listen: { host: string; port: number };
  socket: string;
}

/** `varve-agent kube-metrics`: what the DaemonSet's pods do, without any privilege, while the host's own agent works. */
export function addKubeMetrics(program: Command, context: Context): void {
  program
    .command('kube-metrics')
    .description("show the metrics of this host's agent on a port")
    .option('--listen <host:port>', 'where to listen', parseListen, parseListen(':9464'))
    .option('--socket <path>', "the agent's", '/run/varve-agent/metrics.sock')
    .action(async ({ listen, socket }: MetricsFlags) => {
      const { exposeMetrics } = await import('./kube-metrics.ts');
      await using exposed = await exposeMetrics({ ...listen, socket });
      context.terminal.err(`listening on port ${exposed.port}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      context.signal.addEventListener('abort', () => resolve(), { once: true });
      if (!context.signal.aborted) await promise;
    });
}
