// The conformance script of a driver on a real host: looks at everything that an update relies on, and on request makes
// an update and takes it back, without a boot. Every finding is a row for people; none stops the ones after it.
import { access, constants, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import spawn from 'nano-spawn';
import type { HostDeployment, HostState } from '../driver/driver.ts';
import { trustLocally } from '../helper/verify.ts';
import { policyOf, requireLabelling } from '../tree/labels.ts';
import { treeOf } from '../tree/tree-of.ts';
import type { LocalHost, ProgressHooks } from './local-host.ts';
import { localConfigName } from './local-spec.ts';

export interface Finding {
  readonly check: string;
  readonly passed: boolean;
  /** What was found, or what is wrong and what to do. */
  readonly detail: string;
}

export interface SelftestOptions extends ProgressHooks {
  readonly sysroot: string;
  /** An image to make an update with, and to take back; undefined: nothing on the host is changed. */
  readonly write: string | undefined;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Finding) => void;
}

/** Room that the next deployment's own files need, beside its image. */
const leastFreeBytes = 512 * 1024 * 1024;
const leastFreeBootBytes = 64 * 1024 * 1024;
const probePath = '/etc/varve-selftest';
const probeArgument = 'varve.selftest=1';

/** All findings, in their order. */
export async function selftest(host: LocalHost, options: SelftestOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const check = async (name: string, look: () => Promise<string>): Promise<boolean> => {
    options.signal.throwIfAborted();
    let finding: Finding;
    try {
      finding = { check: name, passed: true, detail: await look() };
    } catch (error) {
      options.signal.throwIfAborted();
      finding = { check: name, passed: false, detail: error instanceof Error ? error.message : String(error) };
    }
    findings.push(finding);
    options.onFinding(finding);
    return finding.passed;
  };
  await readOnly(host, options, check);
  if (options.write !== undefined) await writing(host, options, options.write, check);
  return findings;
}

type Check = (name: string, look: () => Promise<string>) => Promise<boolean>;

async function readOnly(host: LocalHost, { sysroot, signal }: SelftestOptions, check: Check): Promise<void> {
  const { choice, driver, paths } = host;
  await check('driver', async () => `${choice.tool?.name ?? choice.name}: ${choice.reason}`);
  await check('ostree', async () => {
    const { stdout } = await spawn('ostree', ['--version'], { signal, timeout: 60_000 });
    return /Version: '?([\d.]+)/.exec(stdout)?.[1] ?? 'unknown version';
  });
  await check('deployments', async () => describeDeployments(await driver.status(signal)));
  await check('image', async () => describeImage((await driver.status(signal)).booted));
  await check('tool and sysroot agree', async () => await compareWithTool(host, signal));
  await check('nothing staged by others', async () => {
    const { deployments, booted } = await driver.status(signal);
    const [next] = deployments;
    if (next?.name === booted.name) return 'the next boot is what runs';
    if (next?.applied) return `the next boot is ${next.applied.config}`;
    throw new Error(`the next boot is ${next?.image ?? next?.name}, which Varve did not make`);
  });
  await check('way back', async () => {
    const { deployments, booted } = await driver.status(signal);
    const others = deployments.filter(({ name, complete }) => complete && name !== booted.name);
    return others.length > 0 ? `${others.length} other deployments` : 'none yet: there is one after the first update';
  });
  await check('state directory', async () => {
    await access(paths.root, constants.W_OK);
    return paths.root;
  });
  await check('room for images', async () => await describeRoom(join(sysroot, 'ostree/repo'), leastFreeBytes));
  await check('room for kernels', async () => await describeRoom(join(sysroot, 'boot'), leastFreeBootBytes));
  await check('labels of files', async () => {
    const policy = await policyOf(treeOf((await driver.status(signal)).booted));
    if (policy === undefined) return 'the host has no SELinux policy';
    await requireLabelling(policy);
    return `by the SELinux policy ${policy}`;
  });
  await check('drift', async () => {
    const drift = await host.drift();
    if (drift.length === 0) return 'the host is as it was applied';
    throw new Error(drift.map(({ path, message }) => `${path} ${message}`).join('; '));
  });
  if (sysroot === '/') {
    await check('systemd', async () => {
      const { stdout } = await spawn('systemctl', ['--version'], { signal, timeout: 60_000 });
      return stdout.split('\n')[0] ?? '';
    });
  }
}

/** What is done is undone in every case, as `collectGarbage` does it: what is older than the way back goes as well. */
async function writing(host: LocalHost, options: SelftestOptions, image: string, check: Check): Promise<void> {
  const { driver } = host;
  const { signal, onProgress, onStep } = options;
  const before = await driver.status(signal);
  const plan = await host.planImage(image);
  const spec: MachineConfigSpec = { ...plan.spec, ...probeSpec };
  const target = trustLocally({ config: localConfigName(spec), image: plan.image, spec });
  const isStaged = await check('stage', async () => {
    await driver.stage({ target, signal, onProgress });
    requireSame(before, await driver.status(signal), 'staging changed what boots');
    return `${plan.image} is there, and the next boot is what it was`;
  });
  if (isStaged) {
    await check('apply', async () => {
      await driver.apply({ target, signal, onStep });
      return requireApplied((await driver.status(signal)).deployments[0], plan.image);
    });
  }
  await check('undo', async () => {
    const [next] = before.deployments;
    await driver.setNextBoot(next?.name ?? before.booted.name, signal);
    await driver.collectGarbage(signal);
    requireSame(before, await driver.status(signal), 'the deployments are not what they were');
    return 'the deployments are what they were';
  });
}

const probeSpec: MachineConfigSpec = {
  kernelArguments: [probeArgument],
  config: {
    ignition: { version: '3.4.0' },
    storage: { files: [{ path: probePath, mode: 0o600, contents: { source: 'data:,selftest' } }] },
  },
};

async function requireApplied(next: HostDeployment | undefined, image: string): Promise<string> {
  if (!next?.applied || next.image !== image) throw new Error(`the next boot is ${next?.image ?? 'nothing'}`);
  if (!next.kernelArguments.includes(probeArgument)) throw new Error(`the boot entry lacks ${probeArgument}`);
  const text = await readFile(join(next.root, probePath), 'utf8');
  if (text !== 'selftest') throw new Error(`${probePath} of the new deployment says ${JSON.stringify(text)}`);
  return 'a complete deployment with a file and a kernel argument became the next boot';
}

function requireSame(before: HostState, after: HostState, problem: string): void {
  const kept = before.deployments.filter(({ name }) => after.deployments.some((one) => one.name === name));
  const isSame = before.deployments[0]?.name === after.deployments[0]?.name && kept.length > 0;
  if (!isSame || after.deployments.length > before.deployments.length) throw new Error(problem);
}

function describeDeployments({ deployments, booted }: HostState): string {
  return `${deployments.length}, booted is ${booted.name.slice(0, 12)}…`;
}

function describeImage({ image, imageDigest }: HostDeployment): string {
  if (image === undefined) {
    throw new Error('the booted deployment does not come from an image: the first `varve host rebase` changes that');
  }
  return `${image}, ${imageDigest ?? 'of an unknown digest'}`;
}

async function compareWithTool({ choice, driver }: LocalHost, signal: AbortSignal): Promise<string> {
  if (!choice.tool) return 'no other tool is asked';
  const says = await choice.tool.booted(signal);
  const { booted } = await driver.status(signal);
  if (says === booted.name) return `both say ${says.slice(0, 12)}…`;
  throw new Error(
    `${choice.tool.name} says that ${says ?? 'nothing'} is booted, the boot entry leads to ${booted.name}`,
  );
}

async function describeRoom(path: string, least: number): Promise<string> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const megabytes = `${Math.floor(free / 1_000_000)} MB`;
  if (free < least)
    throw new Error(`${megabytes} are free below ${path}; ${Math.ceil(least / 1_000_000)} MB are needed`);
  return `${megabytes} are free`;
}
