// A registry beside the fleet's own, which tests may kill: a second `varve up`, with images that are bad or large.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cable } from './cable.ts';
import { eventually, freePort, run, Service } from './process.ts';

interface Access {
  readonly authfile: string;
  readonly certDir: string;
}

export class OtherRegistry implements AsyncDisposable {
  readonly #directory: string;
  /** Between it and everybody else. */
  readonly #cable: Cable;
  readonly #service: Service;
  #large: Promise<string> | undefined;

  private constructor(directory: string, cable: Cable, listen: string) {
    this.#directory = directory;
    this.#cable = cable;
    const args = ['up', '--state', join(directory, 'state'), '--listen', listen];
    this.#service = new Service('other registry', args, join(directory, 'log'));
  }

  static async create(directory: string): Promise<OtherRegistry> {
    await mkdir(directory, { recursive: true });
    const listen = `127.0.0.1:${await freePort()}`;
    const registry = new OtherRegistry(directory, await Cable.to(`https://${listen}`), listen);
    await registry.start();
    const made: { auths: Record<string, unknown> } = JSON.parse(
      await readFile(join(directory, 'state/registry-auth.json'), 'utf8'),
    );
    const auths = { [registry.#authority]: made.auths[listen] };
    await writeFile(registry.#access.authfile, JSON.stringify({ auths }));
    return registry;
  }

  /** What a process needs in its environment to trust this registry and to log in to it. */
  get env(): Record<string, string> {
    return { NODE_EXTRA_CA_CERTS: join(this.#access.certDir, 'ca.crt'), REGISTRY_AUTH_FILE: this.#access.authfile };
  }

  async start(): Promise<void> {
    this.#service.start();
    await eventually('the other registry answers', async () => {
      const kubeconfig = join(this.#directory, 'state', 'kubeconfig');
      return (await run('kubectl', '--kubeconfig', kubeconfig, 'get', '--raw', '/readyz')) === 'ok';
    });
  }

  async kill(): Promise<void> {
    await this.#service.kill();
  }

  /** How many bytes of each connection come through. */
  set bytes(bytes: number) {
    this.#cable.bytes = bytes;
  }

  /** An image with an OSTree layout and no kernel. Returns its reference by digest. */
  async pushWithoutKernel(): Promise<string> {
    const tree = join(this.#directory, 'tree');
    for (const path of ['usr/bin', 'usr/lib/modules', 'etc', 'sysroot', 'var', 'proc', 'run', 'sys', 'dev', 'tmp']) {
      await mkdir(join(tree, path), { recursive: true });
    }
    await writeFile(join(tree, 'usr/bin/hello'), 'no kernel here\n');
    return await this.#build('FROM scratch\nCOPY tree/ /\n', 'no-kernel', []);
  }

  /** `base` with a layer of 150 MB that does not compress, made once. Returns its reference by digest. */
  async pushLarge(base: string, access: Access): Promise<string> {
    this.#large ??= this.#buildLarge(base, access);
    return await this.#large;
  }

  async #buildLarge(base: string, access: Access): Promise<string> {
    await mkdir(join(this.#directory, 'tree'), { recursive: true });
    for (let part = 0; part < 15; part += 1) {
      await writeFile(join(this.#directory, 'tree', `part-${part}`), randomBytes(10_000_000));
    }
    const flags = ['--authfile', access.authfile, '--cert-dir', access.certDir];
    return await this.#build(`FROM ${base}\nCOPY tree/part-* /usr/share/large/\n`, 'large', flags);
  }

  get #authority(): string {
    return new URL(this.#cable.url).host;
  }

  get #access(): Access {
    return { authfile: join(this.#directory, 'auth.json'), certDir: join(this.#directory, 'state/certs.d') };
  }

  async #build(containerfile: string, name: string, flags: readonly string[]): Promise<string> {
    const storage = [
      '--root',
      join(this.#directory, 'storage'),
      '--runroot',
      join(this.#directory, 'run'),
      '--storage-driver',
      'vfs',
    ];
    const file = join(this.#directory, `${name}.Containerfile`);
    await writeFile(file, containerfile);
    await run(
      'buildah',
      ...storage,
      'build',
      '--isolation',
      'chroot',
      ...flags,
      '--file',
      file,
      '--tag',
      name,
      this.#directory,
    );
    const digestFile = join(this.#directory, `${name}.digest`);
    const { authfile, certDir } = this.#access;
    const destination = `docker://${this.#authority}/test/${name}:1`;
    await run(
      'buildah',
      ...storage,
      'push',
      '--authfile',
      authfile,
      '--cert-dir',
      certDir,
      '--digestfile',
      digestFile,
      name,
      destination,
    );
    await run('buildah', ...storage, 'rmi', '--all', '--force');
    return `${this.#authority}/test/${name}@${await run('cat', digestFile)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service.stop();
    await this.#cable[Symbol.asyncDispose]();
  }
}
