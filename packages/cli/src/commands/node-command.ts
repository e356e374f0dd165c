import type { Command } from 'commander';
import { type Context, collectPair, type GlobalOptions, parseDuration, withClient } from '../context.ts';
import { CliError } from '../error.ts';
import { print } from '../output.ts';
import type { JoinFlags } from './join.ts';

interface TokenOptions {
  labels: Record<string, string>;
  ttl: number;
  outputFile?: string;
}

export function addNode(program: Command, context: Context): void {
  const node = program.command('node').description('join hosts to the fleet, and read what they log');
  addToken(node, context);
  addJoin(node, context);
  addLogs(node, context);
}

function addLogs(node: Command, context: Context): void {
  node
    .command('logs')
    .description('print what the agent of a host logged last; the host answers when it is connected')
    .argument('<node>')
    .option('--lines <number>', 'at most this many, up to 200', (text) => Number.parseInt(text, 10), 50)
    .option('--timeout <duration>', 'how long to wait for the host', parseDuration, parseDuration('30s'))
    .action(async (name: string, options: { lines: number; timeout: number }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      if (!(options.lines > 0)) throw new CliError('USAGE', '--lines is a number above 0');
      const { fetchLogs } = await import('./node-logs.ts');
      const lines = await withClient(globals, (client) =>
        fetchLogs(client, name, { ...options, signal: context.signal }),
      );
      print(context.terminal, globals.output, lines, () => lines.join('\n'));
    });
}

const absentAuthority =
  "the API server does not present its authority: hosts need it as ca.crt (kubectl get configmap kube-root-ca.crt -o jsonpath='{.data.ca\\.crt}'), or a join file (--output-file), which holds it";

function addToken(node: Command, context: Context): void {
  node
    .command('token')
    .description('make a join token, and print the command that a host joins with')
    .option('--labels <name=value>', 'label for the nodes that join with it (repeatable)', collectPair, {})
    .option('--ttl <duration>', 'how long it can be used', parseDuration, parseDuration('24h'))
    .option('--output-file <file>', 'write a join file for `varve node join --file`, and print no token')
    .action(async (options: TokenOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const [{ createJoinToken }, { loadConnection }] = await Promise.all([
        import('./token.ts'),
        import('../connect.ts'),
      ]);
      const connection = await loadConnection(globals);
      const token = await withClient(globals, (client) =>
        createJoinToken(client, connection, { lifetime: options.ttl, labels: options.labels, signal: context.signal }),
      );
      if (options.outputFile === undefined) {
        print(context.terminal, globals.output, token, () => token.command);
        if (token.ca !== null) context.terminal.err(absentAuthority);
        return;
      }
      const { saveJoinFile } = await import('./save-join-file.ts');
      await saveJoinFile(options.outputFile, token);
      const { server, expires } = token;
      const saved = { server, expires, file: options.outputFile };
      print(context.terminal, globals.output, saved, () => `${saved.file} lets hosts join ${server} until ${expires}`);
    });
}

/** `varve node join`, or `varve-agent join`. */
export function addJoin(node: Command, context: Context): void {
  node
    .command('join')
    .description('join this host: make its key here, and get a certificate for it')
    .option('--server <url>', 'the control plane, such as https://varve.example:7443')
    .option(
      '--token <token>',
      'join token (default: the environment variable VARVE_JOIN_TOKEN, which ps does not show)',
    )
    .option('--ca-hash <pin>', "pin of the server's certificate authority, sha256:…")
    .option('--ca-file <file>', "the server's certificate authority, in PEM")
    .option('--file <file>', 'a join file, instead of all that')
    .option('--first-boot', 'try again while the control plane is away, and remove the join file afterwards')
    .option('--name <name>', 'name of the node (default: the host name)')
    .option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/')
    .option('--timeout <duration>', 'how long to wait for the certificate', parseDuration, parseDuration('5m'))
    .action(async (options: JoinFlags, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { runJoin } = await import('./join.ts');
      const result = await runJoin(options, context);
      print(context.terminal, globals.output, result, () => `${result.node} has joined ${result.server}`);
    });
}
