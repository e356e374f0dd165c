// The command tree of varve-agent, the executable that hosts carry: what a host itself needs of `varve`, without the
// server, the builder and the commands of users.
import type { Command } from 'commander';
import { createBaseProgram } from './base-program.ts';
import { addAgent } from './commands/agent-command.ts';
import { addHelper } from './commands/helper-command.ts';
import { addHost } from './commands/host-command.ts';
import { addKubeInstall } from './commands/kube-install-command.ts';
import { addKubeMetrics } from './commands/kube-metrics-command.ts';
import { addJoin } from './commands/node-command.ts';
import type { Context } from './context.ts';

export function createAgentProgram(context: Context): Command {
  const program = createBaseProgram('varve-agent', 'Keep this host on the image and config of its fleet.', context);
  addAgent(program, context, 'run');
  addHelper(program, context);
  addJoin(program, context);
  addHost(program, context);
  addKubeInstall(program, context);
  addKubeMetrics(program, context);
  return program;
}
