// The host's private key, where it has a TPM: encrypted on the disk with a secret that the TPM holds and gives out on this
// machine only. A stolen disk or a copied state directory holds nothing that can be used elsewhere; a running agent has the
// key in memory. (TLS with a key that never leaves the TPM needs OpenSSL's tpm2 provider, built for another OpenSSL than the
// one in Node, as default for all keys of the process: connections did not come up with it.)
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import * as z from 'zod';
import { AgentError } from '../error.ts';

/** TPM with the kernel's resource manager, which lets many use it at once. */
const device = '/dev/tpmrm0';
const cipher = 'aes-256-gcm';
const label = 'VARVE SEALED PRIVATE KEY';

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const sealedSchema = z.strictObject({
  /** TPM2B_PUBLIC and TPM2B_PRIVATE of the sealed secret (TPM 2.0 Library, Part 2, 12.2.5 and 12.3.7). */
  public: base64,
  private: base64,
  nonce: base64,
  tag: base64,
  ciphertext: base64,
});

/** Whether this machine has a TPM that this process may use, and the tools for it. `TPM2TOOLS_TCTI` names another TPM, as tpm2-tools know it. */
export async function hasTpm(environment: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  try {
    if (environment.TPM2TOOLS_TCTI === undefined) await access(device, constants.R_OK | constants.W_OK);
    await tool('tpm2_createprimary', ['--version']);
    return true;
  } catch {
    return false;
  }
}

export function isSealed(text: string): boolean {
  return text.includes(`-----BEGIN ${label}-----`);
}

/** `pem` so that only this machine's TPM can open it, as a PEM-like block. TPM_FAILED. */
export async function sealKey(pem: string): Promise<string> {
  const secret = randomBytes(32);
  const sealed = await withPrimary(async (directory) => {
    const file = (name: string) => join(directory, name);
    await writeFile(file('secret'), secret, { mode: 0o600 });
    // No PCR is asked for: an image-based host measures other values after every update.
    const attributes = 'fixedtpm|fixedparent|noda|userwithauth';
    const parts = ['-u', file('public'), '-r', file('private')];
    await tool('tpm2_create', ['-Q', '-C', file('primary'), '-a', attributes, '-i', file('secret'), ...parts]);
    return { public: await readFile(file('public')), private: await readFile(file('private')) };
  });
  const nonce = randomBytes(12);
  const encryption = createCipheriv(cipher, secret, nonce);
  const ciphertext = Buffer.concat([encryption.update(pem, 'utf8'), encryption.final()]);
  const parts = { ...sealed, nonce, tag: encryption.getAuthTag(), ciphertext };
  const text = Object.entries(parts).map(([name, bytes]) => [name, bytes.toString('base64')]);
  const body = Buffer.from(JSON.stringify(Object.fromEntries(text))).toString('base64');
  return `-----BEGIN ${label}-----\n${body.replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`;
}

/** The PEM that was sealed. TPM_FAILED on another machine, after the TPM was cleared, or when the block is damaged. */
export async function unsealKey(block: string): Promise<string> {
  const sealed = parse(block);
  const secret = await withPrimary(async (directory) => {
    const file = (name: string) => join(directory, name);
    await writeFile(file('public'), sealed.public);
    await writeFile(file('private'), sealed.private);
    const object = ['-u', file('public'), '-r', file('private'), '-c', file('object')];
    await tool('tpm2_load', ['-Q', '-C', file('primary'), ...object]);
    await flush();
    await tool('tpm2_unseal', ['-Q', '-c', file('object'), '-o', file('secret')]);
    return await readFile(file('secret'));
  });
  try {
    const decryption = createDecipheriv(cipher, secret, sealed.nonce, { authTagLength: 16 }).setAuthTag(sealed.tag);
    return Buffer.concat([decryption.update(sealed.ciphertext), decryption.final()]).toString('utf8');
  } catch (cause) {
    throw failed('the sealed key is damaged', cause);
  }
}

function parse(block: string): z.infer<typeof sealedSchema> {
  const body = new RegExp(`-----BEGIN ${label}-----([\\sA-Za-z0-9+/=]+)-----END ${label}-----`).exec(block)?.[1] ?? '';
  try {
    return sealedSchema.parse(JSON.parse(Buffer.from(body, 'base64').toString('utf8')));
  } catch (cause) {
    throw failed('the sealed key is damaged', cause);
  }
}

/** A primary key of the owner's hierarchy: the same on this machine every time, until somebody clears the TPM. */
async function withPrimary<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-tpm-'));
  try {
    await tool('tpm2_createprimary', ['-Q', '-C', 'o', '-G', 'ecc256:aes128cfb', '-c', join(directory, 'primary')]);
    await flush();
    return await work(directory);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw failed('the TPM does not open the key', cause);
  } finally {
    await flush().catch(() => {});
    await rm(directory, { recursive: true, force: true });
  }
}

/** A TPM has room for three objects. The kernel's resource manager clears up after each tool; without it, nobody does. */
async function flush(): Promise<void> {
  if (process.env.TPM2TOOLS_TCTI !== undefined) await tool('tpm2_flushcontext', ['--transient-object']);
}

async function tool(name: string, args: readonly string[]): Promise<void> {
  await spawn(name, [...args], { stdin: 'ignore', timeout: 30_000 });
}

function failed(what: string, cause: unknown): AgentError {
  const advice = 'was it made on another machine, or the TPM cleared? Join the host again: `varve node join`';
  return new AgentError('TPM_FAILED', `${what}; ${advice}`, { cause });
}
