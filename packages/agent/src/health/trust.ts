// Whom a health check over HTTPS trusts: the certificates that it names, or else those that the host trusts. There is no
// way to trust nobody in particular: a check that anybody can answer says nothing.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import type { HttpCheck } from '@varve/api';
import { isErrno } from '../state/durable-file.ts';

/** Where distributions keep what their administrators trust, in one file (golang/go src/crypto/x509/root_linux.go). */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const maxFile = 4 << 20;
const pem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Certificates in PEM. `root`: where the host's files lie. Throws when those that a check names are not there. */
export async function trustOf({ ca, caFile }: Pick<HttpCheck, 'ca' | 'caFile'>, root: string): Promise<string[]> {
  if (ca === undefined && caFile === undefined) return await systemTrust(root);
  const named = ca === undefined ? [] : certificatesIn(ca, 'ca of the check');
  return caFile === undefined ? named : [...named, ...certificatesIn(await readText(join(root, caFile)), caFile)];
}

/** What the host trusts, or what comes with Node where it says nothing. */
async function systemTrust(root: string): Promise<string[]> {
  for (const path of systemFiles) {
    try {
      return certificatesIn(await readText(join(root, path)), path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return getCACertificates('bundled');
}

function certificatesIn(text: string, where: string): string[] {
  const certificates = text.match(pem);
  if (certificates) return [...certificates];
  throw new Error(`there is no certificate in ${where}`);
}

async function readText(path: string): Promise<string> {
  await using file = await open(path, 'r');
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > maxFile) throw new Error(`${path} is no file of certificates`);
  return await file.readFile('utf8');
}
