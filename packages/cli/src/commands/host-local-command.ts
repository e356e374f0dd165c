// `varve host rebase|kargs|rollback|confirm|diff|gc|selftest`: the host itself, without any control plane.
import type { LocalHost } from '@varve/agent';
import type { Command } from 'commander';
import { type Context, collect, type GlobalOptions } from '../context.ts';
import { addDriverFlag, type DriverFlag } from '../driver-flag.ts';
import { CliError } from '../error.ts';
import { formatTable, print, printable } from '../output.ts';
import { ProgressBar } from '../progress.ts';
import { addRegistryFlags, type RegistryFlags } from '../registry-flags.ts';
import { carryOut, warnOfAgent } from './host-change.ts';

interface HostFlags extends RegistryFlags, DriverFlag {
  readonly sysroot: string;
}
interface ChangeFlags extends HostFlags {
  readonly dryRun?: boolean;
  readonly reboot?: boolean;
}

export function addLocalHost(host: Command, context: Context): void {
  addRebase(host, context);
  addKargs(host, context);
  addRollback(host, context);
  addConfirm(host, context);
  addDiff(host, context);
  addGc(host, context);
  addSelftest(host, context);
}

function addHostFlags(command: Command): Command {
  return addDriverFlag(
    command.option('--sysroot <directory>', 'the root of the host, or a sysroot in a directory', '/'),
  );
}

function addChangeFlags(command: Command): Command {
  return addRegistryFlags(addHostFlags(command))
    .option('--dry-run', 'show what would be done, and change nothing')
    .option('--reboot', 'reboot when it is done');
}

async function withHost(flags: HostFlags, { signal }: Context, work: (host: LocalHost) => Promise<void>) {
  const [{ LocalHost }, { registryOptions }] = await Promise.all([
    import('@varve/agent'),
    import('../registry-access.ts'),
  ]);
  const { sysroot, driver } = flags;
  using host = await LocalHost.open({ sysroot, driver, registry: await registryOptions(flags), signal });
  await work(host);
}

function addRebase(host: Command, context: Context): void {
  addChangeFlags(
    host
      .command('rebase')
      .description('make another image the next boot, with the files and kernel arguments that the host has')
      .argument('<image>', 'image reference; a tag is resolved to a digest once'),
  ).action(async (image: string, flags: ChangeFlags, command: Command) => {
    const { output } = command.optsWithGlobals<GlobalOptions>();
    await withHost(flags, context, async (opened) => {
      await carryOut(opened, await opened.planImage(image), { ...flags, output }, context);
    });
  });
}

interface KargsFlags extends ChangeFlags {
  readonly append?: string[];
  readonly delete?: string[];
}

function addKargs(host: Command, context: Context): void {
  addChangeFlags(
    host
      .command('kargs')
      .description('show the kernel arguments of the next boot, or change them')
      .option('--append <argument>', 'argument to add (repeatable)', collect)
      .option('--delete <argument>', 'argument to take away (repeatable)', collect),
  ).action(async (flags: KargsFlags, command: Command) => {
    const { output } = command.optsWithGlobals<GlobalOptions>();
    const edit = { append: flags.append ?? [], remove: flags.delete ?? [] };
    await withHost(flags, context, async (opened) => {
      if (edit.append.length + edit.remove.length > 0) {
        return await carryOut(opened, await opened.planKernelArguments(edit), { ...flags, output }, context);
      }
      const { deployments, bootedKernelArguments } = await opened.status();
      const next = deployments[0]?.kernelArguments ?? [];
      const shown = { booted: bootedKernelArguments, next };
      print(context.terminal, output, shown, () => next.join('\n'));
    });
  });
}

function addRollback(host: Command, context: Context): void {
  addHostFlags(host.command('rollback').description('make the deployment before the booted one the next boot'))
    .option('--reboot', 'reboot when it is done')
    .action(async (flags: ChangeFlags, command: Command) => {
      const { output } = command.optsWithGlobals<GlobalOptions>();
      const { terminal } = context;
      await withHost(flags, context, async (opened) => {
        await opened.rollback();
        const [next] = (await opened.status()).deployments;
        await warnOfAgent(opened, terminal);
        const shown = { image: next?.image ?? null, config: next?.applied?.config ?? null };
        print(
          terminal,
          output,
          shown,
          () => `next boot: ${shown.image ?? next?.checksum} (${shown.config ?? 'as installed'})`,
        );
        if (flags.reboot) await opened.reboot();
      });
    });
}

function addConfirm(host: Command, context: Context): void {
  addHostFlags(
    host.command('confirm').description('check the health of an updated host, and keep what it runs'),
  ).action(async (flags: HostFlags, command: Command) => {
    const { output } = command.optsWithGlobals<GlobalOptions>();
    await withHost(flags, context, async (opened) => {
      await opened.confirm();
      print(context.terminal, output, { healthy: true }, () => 'the host is healthy; what it runs is kept');
    });
  });
}

function addDiff(host: Command, context: Context): void {
  addHostFlags(host.command('diff').description('show what differs from what was applied to this host')).action(
    async (flags: HostFlags, command: Command) => {
      const { output } = command.optsWithGlobals<GlobalOptions>();
      await withHost(flags, context, async (opened) => {
        const drift = await opened.drift();
        const rows = drift.map(({ path, kind, message }) => [printable(path), kind, printable(message)]);
        const table = () => (drift.length === 0 ? 'nothing differs' : formatTable(['path', 'kind', 'what'], rows));
        print(context.terminal, output, { drift }, table);
        if (drift.length > 0) throw new CliError('HOST_DIFFERS', `${drift.length} things differ from what was applied`);
      });
    },
  );
}

function addGc(host: Command, context: Context): void {
  addHostFlags(
    host.command('gc').description('remove deployments older than the way back, and images that nothing uses'),
  ).action(async (flags: HostFlags, command: Command) => {
    const { output } = command.optsWithGlobals<GlobalOptions>();
    await withHost(flags, context, async (opened) => {
      const before = (await opened.status()).deployments.length;
      await opened.collectGarbage();
      const { deployments } = await opened.status();
      const shown = { removed: before - deployments.length, deployments: deployments.map(({ name }) => name) };
      print(context.terminal, output, shown, () => `${shown.removed} deployments removed, ${deployments.length} kept`);
    });
  });
}

interface SelftestFlags extends HostFlags {
  readonly write?: boolean;
  readonly image?: string;
}

function addSelftest(host: Command, context: Context): void {
  addRegistryFlags(
    addHostFlags(host.command('selftest').description('check that updates work on this host; changes nothing'))
      .option('--write', 'make an update and take it back, without a boot; also collects garbage')
      .option('--image <reference>', 'image for --write (default: the one that runs)'),
  ).action(async (flags: SelftestFlags, command: Command) => {
    const { output } = command.optsWithGlobals<GlobalOptions>();
    const { terminal, signal } = context;
    await withHost(flags, context, async (opened) => {
      const { selftest } = await import('@varve/agent');
      const { image: running } = (await opened.status()).booted;
      const write = flags.write ? (flags.image ?? running) : undefined;
      if (flags.write && write === undefined) throw new CliError('USAGE', 'this host runs no image: give --image');
      using bar = new ProgressBar(terminal);
      const findings = await selftest(opened, {
        sysroot: flags.sysroot,
        write,
        signal,
        onFinding: () => {},
        onProgress: (progress) => bar.update({ bytesReused: 0, ...progress }),
        onStep: (step) => bar.update({ step, bytesDone: 0, bytesTotal: 0, bytesReused: 0 }),
      });
      const rows = findings.map(({ check, passed, detail }) => [check, passed ? 'pass' : 'FAIL', printable(detail)]);
      print(terminal, output, { findings }, () => formatTable(['check', 'result', 'detail'], rows));
      const failed = findings.filter(({ passed }) => !passed).length;
      if (failed > 0) throw new CliError('SELFTEST_FAILED', `${failed} of ${findings.length} checks failed`);
    });
  });
}
