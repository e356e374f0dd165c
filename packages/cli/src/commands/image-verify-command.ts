import { type Command, Option } from 'commander';
import type { Context, GlobalOptions } from '../context.ts';
import { print } from '../output.ts';
import { addRegistryFlags } from '../registry-flags.ts';
import type { VerifyFlags } from './image-verify.ts';

export function addVerify(image: Command, context: Context): void {
  addRegistryFlags(
    image
      .command('verify')
      .description("hold an image's signatures to a policy, and tell which one it accepts, or why it accepts none")
      .argument('<reference>', 'REGISTRY/REPOSITORY:TAG or @sha256:…')
      .option('--policy <file>', 'containers-policy.json(5)', '/etc/containers/policy.json')
      .addOption(
        new Option('--key <file>', 'ask for a signature of this public key (PEM) instead').conflicts('policy'),
      ),
  ).action(async (text: string, options: VerifyFlags, command: Command) => {
    const globals = command.optsWithGlobals<GlobalOptions>();
    const { formatVerification, verify } = await import('./image-verify.ts');
    const verification = await verify(text, options, context.signal);
    print(context.terminal, globals.output, verification, () => formatVerification(verification));
  });
}
