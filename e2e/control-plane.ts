// A `varve up` of its own in a temporary directory, as a process.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort, run, Service } from './process.ts';

export class ControlPlane implements AsyncDisposable {
  readonly directory: string;
  /** `host:port` of API server and registry. */
  readonly authority: string;
  readonly #service: Service;

  private constructor(directory: string, authority: string, names: readonly string[]) {
    this.directory = directory;
    this.authority = authority;
    const args = [
      'up',
      '--state',
      join(directory, 'state'),
      '--listen',
      authority,
      ...names.flatMap((name) => ['--hostname', name]),
    ];
    this.#service = new Service('varve up', args, join(directory, 'log'));
  }

  /** `names` are others by which hosts reach it. */
  static async start(...names: string[]): Promise<ControlPlane> {
    const directory = await mkdtemp(join(tmpdir(), 'varve-up-'));
    const authority = `127.0.0.1:${await freePort()}`;
    const plane = new ControlPlane(directory, authority, names);
    plane.#service.start();
    const readyz = ['--kubeconfig', plane.kubeconfig, 'get', '--raw', '/readyz'];
    await eventually('varve up answers', async () => (await run('kubectl', ...readyz)) === 'ok');
    return plane;
  }

  get kubeconfig(): string {
    return join(this.directory, 'state', 'kubeconfig');
  }

  /** What skopeo, podman and buildah need to talk to the registry. */
  get registry(): { readonly authFile: string; readonly certDirectory: string } {
    const state = join(this.directory, 'state');
    return { authFile: join(state, 'registry-auth.json'), certDirectory: join(state, 'certs.d') };
  }

  async log(): Promise<string> {
    return await readFile(join(this.directory, 'log'), 'utf8');
  }

  async auditLog(): Promise<Record<string, unknown>[]> {
    const text = await readFile(join(this.directory, 'state', 'audit.log'), 'utf8');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
