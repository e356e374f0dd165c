// Who a joined host is: its server, whom it trusts, and its key and certificate in one file, so that they can only be
// replaced together.
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Connection, proxyFromEnvironment } from '@varve/kube';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import { readState, readTextIfThere, writeDurable, writeState } from '../state/durable-file.ts';
import { hasTpm, isSealed, sealKey, unsealKey } from './tpm.ts';

const serverSchema = z.object({ server: z.string(), nodeName: z.string(), ca: z.string().optional() });
export type Server = z.infer<typeof serverSchema>;

export interface Identity extends Server {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const files = { server: 'server.json', credential: 'client.pem', pendingKey: 'pending-key.pem' };

/** The identity, or undefined when the host has not joined. */
export async function readIdentity(directory: string): Promise<Identity | undefined> {
  const server = await readServer(directory);
  const credential = await readTextIfThere(join(directory, files.credential));
  if (!server || credential === undefined) return undefined;
  const cert = pemBlock(credential, 'CERTIFICATE');
  const key = pemBlock(await openKey(credential), 'PRIVATE KEY');
  if (cert && key && isCertificate(cert)) return { ...server, cert, key };
  throw new AgentError(
    'IDENTITY_INVALID',
    `${directory} holds no usable certificate; remove it and join the host again`,
  );
}

/** The certificate alone (PEM), which no TPM has to open. */
export async function readCertificate(directory: string): Promise<string | undefined> {
  return pemBlock((await readTextIfThere(join(directory, files.credential))) ?? '', 'CERTIFICATE');
}

export async function readServer(directory: string): Promise<Server | undefined> {
  return await readState(join(directory, files.server), serverSchema);
}

export async function writeServer(directory: string, server: Server): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  await writeState(join(directory, files.server), server);
}

/**
 * The key whose certificate is being waited for: made once, so that a restart asks for the same request. The key that is
 * in use already is none: a kill can come before it is forgotten, and the next certificate is to have a new one.
 */
export async function pendingKey(directory: string, create: () => string, inUse?: string): Promise<string> {
  const path = join(directory, files.pendingKey);
  const existing = await openKey((await readTextIfThere(path)) ?? '');
  if (existing && existing.trim() !== inUse?.trim()) return existing;
  const key = create();
  await writeDurable(path, await closeKey(key));
  return key;
}

export async function discardPendingKey(directory: string): Promise<void> {
  await writeDurable(join(directory, files.pendingKey), '');
}

/** Replaces key and certificate in one step. Where there is a TPM, it alone can open the key. */
export async function writeCredential(directory: string, credential: { cert: string; key: string }): Promise<void> {
  const key = await closeKey(`${credential.key.trim()}\n`);
  await writeDurable(join(directory, files.credential), `${credential.cert.trim()}\n${key}`);
  await discardPendingKey(directory);
}

export function connectionOf(identity: Identity): Connection {
  const { cert, key } = identity;
  return { ...anonymousConnection(identity), cert, key };
}

/** The way to the server, for nobody in particular yet; through a proxy where the service's environment names one. */
export function anonymousConnection({ server, ca }: Server): Connection {
  const proxy = proxyFromEnvironment(server, process.env);
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(proxy === undefined ? {} : { proxy }),
    userAgent: 'varve-agent',
  };
}

/** When to ask for the next certificate: at two thirds of its life, as the kubelet does. */
export function renewalTime(cert: string): Date {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return new Date(validFromDate.getTime() + ((validToDate.getTime() - validFromDate.getTime()) * 2) / 3);
}

async function openKey(text: string): Promise<string> {
  return isSealed(text) ? await unsealKey(text) : text;
}

async function closeKey(pem: string): Promise<string> {
  return (await hasTpm()) ? await sealKey(pem) : pem;
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function pemBlock(text: string, label: string): string | undefined {
  return new RegExp(`-----BEGIN ${label}-----[\\s\\S]+?-----END ${label}-----\n?`).exec(text)?.[0];
}
