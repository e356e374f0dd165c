import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { type ImageReference, type ImageSignatures, OciError, parseDigest } from '@varve/oci';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { planContent } from '../content/plan.ts';
import { SourceCache } from '../content/source.ts';
import { dataUrl } from '../fixtures/host.ts';
import { Signer } from '../fixtures/signer.ts';
import { trustLocally } from '../helper/verify.ts';
import { requireImagesAccepted } from './require-images-accepted.ts';

const root = mkdtempSync(join(tmpdir(), 'varve-policy-'));
afterAll(() => rmSync(root, { recursive: true }));

const signal = new AbortController().signal;
const signer = new Signer();
const digestOf = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const os = `r.example/os@${digestOf('1')}`;
const extensions = `r.example/extensions@${digestOf('2')}`;
/** An index whose image for this machine has another digest. */
const index = `r.example/os@${digestOf('3')}`;
const manifests = new Map([[digestOf('3'), digestOf('4')]]);

let signed: string[];
let asked: string[];
beforeEach(() => {
  signed = [];
  asked = [];
});

const network = {
  async openImage({ digest = digestOf('0') }: ImageReference) {
    return {
      getImage: async () => ({ manifestDigest: manifests.get(digest) ?? digest }),
      async [Symbol.asyncDispose]() {},
    };
  },
  async fetchSignatures({ repository }: ImageReference, digests: readonly string[]): Promise<ImageSignatures> {
    asked.push(`${repository} ${digests.map((digest) => digest.slice(7, 8)).join(' ')}`);
    const attachments = signed.map((image) => {
      const { payload, signature } = signer.sign(image);
      return { payload: Buffer.from(payload).toString('base64'), signature };
    });
    return { attachments, bundles: [] };
  },
};

async function accept(
  image: string,
  more: MachineConfigSpec = {},
  running: string = digestOf('9'),
): Promise<string | undefined> {
  const path = '/etc/containers/policy.json';
  const files = [{ path, contents: { source: dataUrl(signer.policyFor('r.example')) } }];
  const spec = { ...more, osImageURL: image, config: { ignition: { version: '3.4.0' }, storage: { files } } };
  const plan = planContent(spec, { extensions: true });
  const sources = new SourceCache(root, {
    download() {
      throw new Error('nothing is remote');
    },
  });
  const booted = {
    ...{
      name: 'd',
      checksum: '',
      image: undefined,
      imageDigest: running || undefined,
      kernelArguments: [],
      applied: undefined,
    },
    ...{ complete: true, root },
  };
  const target = trustLocally({ config: 'c', image, spec });
  return await requireImagesAccepted({
    ...{ plan, config: 'c', sources, root, signal },
    target,
    host: { booted },
    network,
  });
}

const refused = (repository: string) => ({
  code: 'SIGNATURE_REJECTED',
  message: expect.stringContaining(`r.example/${repository}@`),
});

test('the extensions image is asked about as well, where packages are wanted', async () => {
  signed = [os];
  const layered = { extensions: ['usbguard'], baseOSExtensionsContainerImage: extensions };
  await expect(accept(os, layered)).rejects.toMatchObject(refused('extensions'));
  await accept(os, { baseOSExtensionsContainerImage: extensions });
  signed = [os, extensions];
  expect(await accept(os, layered)).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('the image that runs is not asked about', async () => {
  expect(await accept(os, {}, digestOf('1'))).toMatch(/^sha256:[0-9a-f]{64} \(runs\)$/);
  expect(asked).toEqual([]);
  await expect(accept(os)).rejects.toMatchObject(refused('os'));
});

test('an image that no digest names is not taken for the one that runs, of which nothing is known', async () => {
  await expect(accept('r.example/os:1', {}, '')).rejects.toMatchObject({ code: 'SIGNATURE_REJECTED' });
});

test('of an index both count: the signature of the index, and of the image in it', async () => {
  await expect(accept(index)).rejects.toBeInstanceOf(OciError);
  signed = [index];
  await accept(index);
  signed = [`r.example/os@${digestOf('4')}`];
  await accept(index);
  expect(asked).toEqual(Array(3).fill('os 4 3'));
});
