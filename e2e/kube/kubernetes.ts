// A real control plane on 127.0.0.1 with certificates of its own: etcd, kube-apiserver and, when asked for,
// kube-controller-manager and kwok, as processes that tests may kill and start again.
import { createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CertificateAuthority,
  type Connection,
  createCertificateAuthority,
  createKey,
  formatKubeconfig,
  issueClientCertificate,
  issueServerCertificate,
} from '@varve/kube';
import { Daemon, eventually, freePort, run } from '../process.ts';
import type { Cluster, Endpoint } from './cluster.ts';
import { startKwok } from './kwok.ts';
import { buildProgram } from './programs.ts';

/** etcd's storage and kube-apiserver's caches take a while on a busy machine. */
const readyMilliseconds = 180_000;

interface Ports {
  readonly etcd: number;
  readonly peer: number;
  readonly api: number;
}

export class KubernetesServer implements Cluster {
  readonly directory: string;
  readonly authority: CertificateAuthority;
  readonly etcd: Daemon;
  readonly apiServer: Daemon;
  /** Such as `https://127.0.0.1:6443`. */
  readonly url: string;
  readonly #others: Daemon[] = [];

  private constructor(
    directory: string,
    authority: CertificateAuthority,
    ports: Ports,
    paths: readonly string[],
    options: readonly string[],
  ) {
    const [etcd = '', apiServer = ''] = paths;
    this.directory = directory;
    this.authority = authority;
    this.url = `https://127.0.0.1:${ports.api}`;
    this.etcd = new Daemon('etcd', etcd, etcdArguments(directory, ports), join(directory, 'etcd.log'));
    this.apiServer = new Daemon(
      'kube-apiserver',
      apiServer,
      [...apiServerArguments(directory, ports), ...options],
      join(directory, 'apiserver.log'),
    );
  }

  /** Builds what is missing, then answers once the API server is ready. `options` are more of kube-apiserver's flags. */
  static async start(...options: string[]): Promise<KubernetesServer> {
    const paths = [await buildProgram('etcd'), await buildProgram('kube-apiserver')];
    const directory = await mkdtemp(join(tmpdir(), 'varve-kubernetes-'));
    const authority = await createCertificateAuthority({ commonName: 'kubernetes' });
    const ports = { etcd: await freePort(), peer: await freePort(), api: await freePort() };
    const server = new KubernetesServer(directory, authority, ports, paths, options);
    try {
      await writeCertificates(directory, authority);
      await writeFile(
        server.kubeconfig,
        formatKubeconfig(await server.credential('kubernetes-admin', 'system:masters')),
        { mode: 0o600 },
      );
      server.etcd.start();
      server.apiServer.start();
      await server.ready();
      return server;
    } catch (error) {
      const log = await server.log('apiserver').catch(() => '');
      await server[Symbol.asyncDispose]();
      throw new Error(`kube-apiserver does not start:\n${log.slice(-4_000)}`, { cause: error });
    }
  }

  /** An administrator's. */
  get kubeconfig(): string {
    return join(this.directory, 'kubeconfig');
  }

  get endpoint(): Endpoint {
    return { server: this.url, ca: this.authority.certificate };
  }

  /** A client certificate of this cluster's authority. */
  async credential(commonName: string, ...organizations: string[]): Promise<Connection> {
    const { certificate, key } = await issueClientCertificate(this.authority, { commonName, organizations });
    return { server: this.url, ca: this.authority.certificate, cert: certificate, key };
  }

  async ready(): Promise<void> {
    const readyz = ['--kubeconfig', this.kubeconfig, 'get', '--raw', '/readyz'];
    const isReady = async () => {
      if (!this.etcd.running || !this.apiServer.running) throw new Error('a process of the control plane has ended');
      return (await run('kubectl', ...readyz)) === 'ok';
    };
    await eventually('kube-apiserver is ready', isReady, readyMilliseconds);
  }

  /** With the controllers named; `*` are those that upstream runs by default. */
  async startControllerManager(...controllers: string[]): Promise<Daemon> {
    return this.#startOther(await buildProgram('kube-controller-manager'), 'kube-controller-manager', [
      ...flags({
        kubeconfig: this.kubeconfig,
        controllers: controllers.join(','),
        'leader-elect': 'false',
        'bind-address': '127.0.0.1',
        'secure-port': '0',
        'cluster-signing-cert-file': join(this.directory, 'ca.crt'),
        'cluster-signing-key-file': join(this.directory, 'ca.key'),
        'root-ca-file': join(this.directory, 'ca.crt'),
        'service-account-private-key-file': join(this.directory, 'service-accounts.key'),
      }),
    ]);
  }

  async startKwok(annotation: string): Promise<Daemon> {
    const daemon = await startKwok(this.kubeconfig, annotation, this.directory);
    this.#others.push(daemon);
    return daemon;
  }

  async log(name: string): Promise<string> {
    return await readFile(join(this.directory, `${name}.log`), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [...this.#others.toReversed(), this.apiServer]) await daemon.stop();
    await this.etcd.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  #startOther(path: string, name: string, args: readonly string[]): Daemon {
    const daemon = new Daemon(name, path, args, join(this.directory, `${name}.log`));
    this.#others.push(daemon);
    daemon.start();
    return daemon;
  }
}

function flags(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

function etcdArguments(directory: string, ports: Ports): string[] {
  const url = `https://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  return flags({
    name: 'default',
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'cert-file': join(directory, 'server.crt'),
    'key-file': join(directory, 'server.key'),
    'client-cert-auth': 'true',
    'trusted-ca-file': join(directory, 'ca.crt'),
    // The gateway would present the server's certificate as a client's.
    'enable-grpc-gateway': 'false',
    'log-level': 'warn',
  });
}

function apiServerArguments(directory: string, ports: Ports): string[] {
  return flags({
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(ports.api),
    // The `kubernetes` service cannot have an endpoint on a loopback address, and nobody needs it.
    'endpoint-reconciler-type': 'none',
    'etcd-servers': `https://127.0.0.1:${ports.etcd}`,
    'etcd-cafile': join(directory, 'ca.crt'),
    'etcd-certfile': join(directory, 'etcd-client.crt'),
    'etcd-keyfile': join(directory, 'etcd-client.key'),
    'tls-cert-file': join(directory, 'server.crt'),
    'tls-private-key-file': join(directory, 'server.key'),
    'client-ca-file': join(directory, 'ca.crt'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-signing-key-file': join(directory, 'service-accounts.key'),
    'service-account-key-file': join(directory, 'service-accounts.pub'),
    'service-cluster-ip-range': '10.0.0.0/24',
    // What installs the agent on a host writes to it.
    'allow-privileged': 'true',
    profiling: 'false',
  });
}

async function writeCertificates(directory: string, authority: CertificateAuthority): Promise<void> {
  const serving = await issueServerCertificate(authority, { hosts: ['127.0.0.1', 'localhost'] });
  const etcdClient = await issueClientCertificate(authority, { commonName: 'kube-apiserver', organizations: [] });
  const accounts = createKey();
  await mkdir(join(directory, 'etcd'), { mode: 0o700 });
  const files = {
    'ca.crt': authority.certificate,
    'ca.key': authority.key,
    'server.crt': serving.certificate,
    'server.key': serving.key,
    'etcd-client.crt': etcdClient.certificate,
    'etcd-client.key': etcdClient.key,
    'service-accounts.key': accounts,
    'service-accounts.pub': createPublicKey(accounts).export({ type: 'spki', format: 'pem' }).toString(),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
}
