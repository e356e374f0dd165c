// What a power cut at any step of the swap leaves: a process is killed there, and `ostree` has to be content.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importImage } from '../image.ts';
import { bootableLayer, testImage } from '../testing/image.ts';
import { fsck, ostree, removeSysroot } from '../testing/sysroot.ts';
import type { Deployment } from './deployment.ts';
import { Sysroot } from './sysroot.ts';

let directory: string;
let sysroot: Sysroot;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-swap-'));
  sysroot = await Sysroot.create(directory, { stateroot: 'varve' });
});

afterEach(async () => {
  await removeSysroot(directory);
});

async function deploy(name: string, mergeFrom?: Deployment): Promise<Deployment> {
  const { image, openLayer } = testImage([bootableLayer, [{ path: 'etc/name', content: name }]], {
    reference: `localhost:5000/os:${name}`,
  });
  const { commit } = await importImage({ repository: sysroot.repository, image, openLayer });
  return sysroot.deploy({ commit, stateroot: 'varve', imageReference: name, kernelArguments: [name], mergeFrom });
}

/** Swaps in a process that kills itself after a number of steps. Says whether it got to the end. */
async function swapUntil(step: number): Promise<boolean> {
  const module = (name: string) => JSON.stringify(join(import.meta.dirname, name));
  const program = `
    import { planBootOrder } from ${module('boot-order.ts')};
    import { deploymentDirectory } from ${module('deployment.ts')};
    import { swapBootOrder } from ${module('swap-boot-order.ts')};
    import { Sysroot } from ${module('sysroot.ts')};
    const sysroot = await Sysroot.open(${JSON.stringify(directory)});
    const order = [];
    for (const deployment of (await sysroot.deployments()).reverse()) {
      order.push({ entry: await sysroot.bootEntry(deployment), directory: deploymentDirectory(deployment) });
    }
    let steps = 0;
    const onStep = () => { if (++steps === ${step}) process.kill(process.pid, 'SIGKILL'); };
    const bootVersion = order[0].entry.boot.bootVersion === 0 ? 1 : 0;
    await swapBootOrder(sysroot.path, planBootOrder(order, bootVersion), { onStep });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  if (signal === 'SIGKILL') return false;
  expect(code).toBe(0);
  return true;
}

function names(deployments: readonly Deployment[]): string[] {
  return deployments.map(({ kernelArguments }) => kernelArguments.join());
}

async function status(): Promise<string[]> {
  const text = await ostree('admin', 'status', `--sysroot=${directory}`);
  return [...text.matchAll(/varve ([0-9a-f]{64}\.\d+)/g)].map(([, id]) => id ?? '');
}

test('a crash at any step leaves the old order or the new one, and ostree works on with either', async () => {
  const a = await deploy('a');
  const b = await deploy('b', a);
  const seen = new Set<string>();
  let finished = false;
  for (let step = 1; !finished; step++) {
    expect(step).toBeLessThan(40);
    const before = names(await sysroot.deployments());
    finished = await swapUntil(step);
    const after = await sysroot.deployments();
    seen.add(names(after)[0] === before[0] ? 'old' : 'new');
    expect(names(after).sort()).toEqual(['a', 'b']);
    expect(await status()).toEqual(after.map(({ checksum, serial }) => `${checksum}.${serial}`));
    // What a crash left must not be in the way of the next thing that happens.
    if (step % 3 === 0) await ostree('admin', 'cleanup', `--sysroot=${directory}`);
    if (step % 3 === 1) await sysroot.undeploy(await deploy(`c${step}`, after[0]));
    expect(names(await sysroot.deployments())).toEqual(names(after));
  }
  expect(seen).toEqual(new Set(['old', 'new']));
  await sysroot.setDefault(b);
  expect(names(await sysroot.deployments())).toEqual(['b', 'a']);
  await fsck(sysroot.repository.path);
});
