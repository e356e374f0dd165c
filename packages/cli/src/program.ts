// The command tree. Each command's work is in commands/; what is heavy is loaded only by the command that needs it.
import tab from '@bomb.sh/tab/commander';
import { type Command, Option } from 'commander';
import { createBaseProgram } from './base-program.ts';
import { addAgent } from './commands/agent-command.ts';
import { addApply } from './commands/apply-command.ts';
import { addBackup, addRestore } from './commands/backup-command.ts';
import { addController } from './commands/controller-command.ts';
import { addGet } from './commands/get-command.ts';
import { addHost } from './commands/host-command.ts';
import { addImage } from './commands/image-command.ts';
import { addKey } from './commands/key-command.ts';
import { addKube } from './commands/kube-command.ts';
import { addNode } from './commands/node-command.ts';
import { addRollout } from './commands/rollout-command.ts';
import { addUp } from './commands/up-command.ts';
import { addWhy } from './commands/why-command.ts';
import type { Context } from './context.ts';

export function createProgram(context: Context): Command {
  const program = createBaseProgram('varve', 'Manage fleets of Linux hosts by image.', context);
  program.addOption(new Option('--kubeconfig <file>', 'how to reach the API server (default: as kubectl)'));
  addUp(program, context);
  addController(program, context);
  addApply(program, context);
  addGet(program, context);
  addRollout(program, context);
  addWhy(program, context);
  addImage(program, context);
  addNode(program, context);
  addKey(program, context);
  addBackup(program, context);
  addRestore(program, context);
  addKube(program, context);
  addHost(program, context);
  addAgent(program, context);
  tab(program, { completionCommandName: 'completion' });
  return program;
}
