import { type Command, Option } from 'commander';
import { type Context, collect, collectPair, type GlobalOptions, withClient } from '../context.ts';
import { CliError } from '../error.ts';
import { formatTable, print } from '../output.ts';

interface ManifestFlags {
  image: string;
  replicas: number;
  server?: string;
  nodeSelector: Record<string, string>;
  part?: string[];
}

/** What the default deployment is called where no --image says otherwise: for kustomize to replace. */
const defaultImage = 'varve';

export function addKube(program: Command, context: Context): void {
  const kube = program.command('kube').description('run the control plane on a Kubernetes cluster');
  addManifests(kube, context);
  addCheck(kube, context);
}

function addCheck(kube: Command, context: Context): void {
  kube
    .command('check')
    .description('tell what a cluster lacks; fails when it lacks anything that is needed')
    .option('--all', 'also what is as it must be', false)
    .action(async ({ all }: { all: boolean }, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const { checkCluster } = await import('@varve/deploy');
      const findings = await withClient(globals, (client) => checkCluster(client, context.signal));
      const problems = findings.filter(({ result }) => result !== 'ok' && result !== 'optional');
      const shown = all ? findings : findings.filter(({ result }) => result !== 'ok');
      const rows = shown.map(({ check, result, message }) => [check, result, message]);
      const table = () => (rows.length === 0 ? 'nothing is lacking' : formatTable(['check', 'result', 'what'], rows));
      print(context.terminal, globals.output, { findings }, table);
      if (problems.length > 0) {
        throw new CliError('CLUSTER_LACKS', `${problems.length} of ${findings.length} checks say what is lacking`);
      }
    });
}

function addManifests(kube: Command, context: Context): void {
  kube
    .command('manifests')
    .description('print what a cluster needs: kinds, roles, policies, the controllers, the agents')
    .option('--image <reference>', 'image that holds varve and varve-agent', defaultImage)
    .option('--replicas <number>', 'controllers, of which one leads', parseReplicas, 3)
    .option('--server <url>', 'where hosts reach the API server (default: as pods do)', parseServer)
    .option('--node-selector <name=value>', 'label of the nodes to manage (repeatable)', collectPair, {})
    .addOption(
      new Option(
        '--part <part>',
        'only this part (repeatable): crds, access, policies, control-plane, agents, monitoring',
      ).argParser(collect),
    )
    .action(async (flags: ManifestFlags, command: Command) => {
      const { output } = command.optsWithGlobals<GlobalOptions>();
      const { printManifests } = await import('./kube-manifests.ts');
      const { part, ...options } = flags;
      context.terminal.out(printManifests(options, part, output));
    });
}

function parseReplicas(text: string): number {
  const replicas = Number(text);
  if (Number.isInteger(replicas) && replicas > 0) return replicas;
  throw new CliError('USAGE', `--replicas is a number above 0; got ${text}`);
}

function parseServer(text: string): string {
  if (URL.parse(text)?.protocol === 'https:') return text.replace(/\/$/, '');
  throw new CliError('USAGE', `--server is an address such as https://api.example:6443; got ${text}`);
}
