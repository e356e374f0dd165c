// What every driver promises, as tests. They run each driver on a real OSTree sysroot in a directory.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dataUrl } from '../fixtures/host.ts';
import { trustLocally } from '../helper/verify.ts';
import type { HostDriver, HostOutline } from './driver.ts';
import { rollbackDeployment } from './kept.ts';

/** A host in a directory that runs one image and nothing else. */
export interface ContractHost extends AsyncDisposable {
  readonly driver: HostDriver;
  /** Ends the "boot", and takes the first boot entry. */
  boot(): Promise<void>;
  /** Another image than the one it runs, by digest; `n` tells several apart. */
  image(n: 2 | 3): string;
  /** Kernel arguments that those images bring along in the eyes of the driver. */
  imageKernelArguments(n: 1 | 2 | 3): readonly string[];
}

const { signal } = new AbortController();

/** `installed`: kernel arguments of the host's own. */
export function driverContract(name: string, create: () => Promise<ContractHost>, installed: readonly string[]): void {
  describe(`the driver ${name}`, () => {
    let host: ContractHost;
    beforeEach(async () => {
      host = await create();
    });
    afterEach(async () => await host[Symbol.asyncDispose]());

    const status = () => host.driver.status(signal);
    const spec = (text: string, image?: string): MachineConfigSpec => ({
      ...(image === undefined ? {} : { osImageURL: image }),
      kernelArguments: [`level=${text}`],
      config: {
        ignition: { version: '3.4.0' },
        storage: { files: [{ path: '/etc/app.conf', contents: { source: dataUrl(text) } }] },
      },
    });
    const target = (config: string, image?: string) => trustLocally({ config, image, spec: spec(config, image) });
    const stage = (config: string, image?: string) =>
      host.driver.stage({ target: target(config, image), signal, onProgress: () => {} });
    const apply = (config: string, image?: string) =>
      host.driver.apply({ target: target(config, image), signal, onStep: () => {} });
    const update = async (config: string, image?: string) => {
      await stage(config, image);
      await apply(config, image);
      await host.boot();
      await host.driver.markGood(signal);
    };
    const names = ({ deployments }: HostOutline) => deployments.map((deployment) => deployment.name);

    test('staging changes nothing that runs or boots, any number of times', async () => {
      const before = await status();
      await stage('one', host.image(2));
      await stage('one', host.image(2));
      const after = await status();
      expect(names(after)).toEqual(names(before));
      expect(after.staged).toMatchObject({ config: 'one', image: host.image(2) });
      await host.boot();
      expect((await status()).booted.name).toBe(before.booted.name);
    });

    test('an apply makes files, kernel arguments and the image the next boot together', async () => {
      const before = await status();
      await stage('one', host.image(2));
      await apply('one', host.image(2));
      const [next] = (await status()).deployments;
      expect((await status()).booted.name).toBe(before.booted.name);
      expect(next).toMatchObject({ complete: true, image: host.image(2), imageDigest: digestOf(host.image(2)) });
      expect(next?.applied).toMatchObject({ config: 'one', image: host.image(2) });
      expect(next?.kernelArguments).toEqual([...installed, ...host.imageKernelArguments(2), 'level=one']);
      expect(await readFile(join(next?.root ?? '', 'etc/app.conf'), 'utf8')).toBe('one');
      await host.boot();
      const { booted, bootedKernelArguments } = await status();
      expect(booted.name).toBe(next?.name);
      expect(bootedKernelArguments).toEqual(next?.kernelArguments);
    });

    test('local changes to /etc come along, and the deployment before keeps its own', async () => {
      const { booted } = await status();
      await writeFile(join(booted.root, 'etc/local'), 'mine');
      await update('one', host.image(2));
      const after = await status();
      expect(await readFile(join(after.booted.root, 'etc/local'), 'utf8')).toBe('mine');
      await expect(readFile(join(booted.root, 'etc/app.conf'))).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('a config without an image stays on the image that runs', async () => {
      await update('one', host.image(2));
      await update('two');
      const { booted } = await status();
      expect(booted).toMatchObject({ imageDigest: digestOf(host.image(2)), applied: { config: 'two' } });
      expect(booted.kernelArguments).toEqual([...installed, ...host.imageKernelArguments(2), 'level=two']);
    });

    test('a rollback goes to the deployment before, and back', async () => {
      await expect(host.driver.rollback(signal)).rejects.toMatchObject({ code: 'NO_ROLLBACK' });
      const first = (await status()).booted.name;
      await update('one', host.image(2));
      const second = (await status()).booted.name;
      await host.driver.rollback(signal);
      expect(names(await status())[0]).toBe(first);
      await host.boot();
      expect((await status()).booted.name).toBe(first);
      await host.driver.rollback(signal);
      await host.boot();
      expect((await status()).booted.name).toBe(second);
    });

    test('an update that has not booted yet can be taken back', async () => {
      const { booted } = await status();
      await stage('one', host.image(2));
      await apply('one', host.image(2));
      await host.driver.setNextBoot(booted.name, signal);
      expect(names(await status())[0]).toBe(booted.name);
      await host.boot();
      expect((await status()).booted.name).toBe(booted.name);
    });

    test('garbage is what is neither running, next nor the way back', async () => {
      await update('one', host.image(2));
      await update('two', host.image(3));
      const before = await status();
      const kept = [before.booted.name, rollbackDeployment(before)?.name];
      await host.driver.collectGarbage(signal);
      expect(names(await status())).toEqual(kept);
      await update('three', host.image(2));
    });

    test('an image that is not there fails, and leaves the host as it was', async () => {
      const before = await status();
      const missing = `${host.image(2).split('@')[0]}@sha256:${'0'.repeat(64)}`;
      await expect(stage('one', missing)).rejects.toThrow();
      await host.driver.recover(signal);
      expect(await status()).toEqual(before);
    });

    test('what was not staged is not applied', async () => {
      await stage('one', host.image(2));
      await expect(apply('two', host.image(2))).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
      await expect(apply('one', host.image(3))).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    });

    test('what this host cannot have is refused before anything is fetched', async () => {
      const spec: MachineConfigSpec = { osImageURL: host.image(2), fips: true };
      const refused = trustLocally({ config: 'one', image: host.image(2), spec });
      const staging = host.driver.stage({ target: refused, signal, onProgress: () => {} });
      await expect(staging).rejects.toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
    });
  });
}

function digestOf(image: string): string | undefined {
  return image.split('@')[1];
}
