// The one directory that holds all state of `varve up`: certificates, credentials, the database, the registry.
// Files that are missing are made, files that are there are used; each appears complete or not at all.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type CertificateAuthority,
  type Credential,
  createCertificateAuthority,
  issueClientCertificate,
  issueServerCertificate,
  parseCertificate,
} from '@varve/kube';
import { ServerError } from './error.ts';

/** Certificates are replaced at start when they have less than this left (milliseconds). */
const renewBefore = 30 * 24 * 60 * 60 * 1000;

/** Not locked by itself: whoever opens it opens its database first, which one process has at a time. */
export class StateDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Opens or makes the directory (mode 0700). */
  static async open(path: string): Promise<StateDirectory> {
    const absolute = resolve(path);
    await mkdir(join(absolute, 'pki'), { recursive: true, mode: 0o700 });
    await chmod(absolute, 0o700);
    return new StateDirectory(absolute);
  }

  /** @throws ServerError STATE_UNREADABLE where no server has run */
  static async openExisting(path: string): Promise<StateDirectory> {
    const state = new StateDirectory(resolve(path));
    if ((await readText(join(state.pkiPath, 'ca.crt'))) !== undefined) return state;
    throw new ServerError('STATE_UNREADABLE', `${state.path} is no state of \`varve up\`; name it with --state`);
  }

  get pkiPath(): string {
    return join(this.path, 'pki');
  }

  /** For commands on this machine. */
  get controlSocketPath(): string {
    return join(this.path, 'control.sock');
  }

  get databasePath(): string {
    return join(this.path, 'api.db');
  }

  get registryPath(): string {
    return join(this.path, 'registry');
  }

  get auditPath(): string {
    return join(this.path, 'audit.log');
  }

  get kubeconfigPath(): string {
    return join(this.path, 'kubeconfig');
  }

  /** For podman, skopeo and buildah: `--authfile`. */
  get registryAuthPath(): string {
    return join(this.path, 'registry-auth.json');
  }

  /** For podman, skopeo and buildah: `--cert-dir`. */
  get registryCertificatesPath(): string {
    return join(this.path, 'certs.d');
  }

  async authority(): Promise<CertificateAuthority> {
    const found = await this.#readPair('ca');
    if (found !== undefined) return found;
    const made = await createCertificateAuthority({ commonName: 'varve' });
    await this.#writePair('ca', made);
    return made;
  }

  /** The server's certificate, made anew when it lacks one of `hosts` or expires soon. */
  async serverCredential(authority: CertificateAuthority, hosts: readonly string[]): Promise<Credential> {
    const namesPath = join(this.pkiPath, 'server.hosts');
    const wanted = [...hosts].sort().join('\n');
    const found = await this.#readPair('server');
    if (found !== undefined && isFresh(found) && (await readText(namesPath)) === wanted) return found;
    const made = await issueServerCertificate(authority, { hosts });
    await this.#writePair('server', made);
    await writeFileAtomically(namesPath, wanted, 0o600);
    return made;
  }

  async administratorCredential(authority: CertificateAuthority): Promise<Credential> {
    const found = await this.#readPair('admin');
    if (found !== undefined && isFresh(found)) return found;
    const made = await issueClientCertificate(authority, {
      commonName: 'varve:admin',
      organizations: ['system:masters'],
    });
    await this.#writePair('admin', made);
    return made;
  }

  /** The password with which podman, skopeo and buildah push; random, kept for the directory's life. */
  async registryPassword(): Promise<string> {
    const path = join(this.pkiPath, 'registry.password');
    const found = await readText(path);
    if (found !== undefined && found !== '') return found;
    const made = randomBytes(32).toString('base64url');
    await writeFileAtomically(path, made, 0o600);
    return made;
  }

  async #readPair(name: string): Promise<Credential | undefined> {
    const certificate = await readText(join(this.pkiPath, `${name}.crt`));
    const key = await readText(join(this.pkiPath, `${name}.key`));
    if (certificate !== undefined && key !== undefined) return { certificate, key };
    // A key without its certificate is a write that was cut short; a lost key of the authority is a lost fleet.
    if (certificate === undefined || name !== 'ca') return undefined;
    throw new ServerError(
      'STATE_UNREADABLE',
      `${this.pkiPath} holds ca.crt without ca.key; put the key back from a backup, or start with a new --state directory and join the hosts again`,
    );
  }

  /** The key first: a certificate is there only when its key is. */
  async #writePair(name: string, pair: Credential): Promise<void> {
    await writeFileAtomically(join(this.pkiPath, `${name}.key`), pair.key, 0o600);
    await writeFileAtomically(join(this.pkiPath, `${name}.crt`), pair.certificate, 0o600);
  }
}

function isFresh(credential: Credential): boolean {
  return parseCertificate(credential.certificate).notAfter.getTime() - Date.now() > renewBefore;
}

/** Undefined when there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new ServerError('STATE_UNREADABLE', `${path} cannot be read; check its owner and mode`, { cause: error });
  }
}

/** Temp file, fsync, rename, fsync of the directory: after a power cut the old content is there or the new. */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
