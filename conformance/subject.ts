// The two servers that are compared, each fresh and with nobody else on it.
import { machineConfigNodeResource, machineConfigResource, nodeResource } from '@varve/api';
import { nodeRole, startTestServer, type TestServer } from '@varve/apiserver';
import { type CertificateAuthority, type Connection, issueClientCertificate } from '@varve/kube';
import { installManifests } from '../e2e/kube/install.ts';
import { KubernetesServer } from '../e2e/kube/kubernetes.ts';

export interface Subject extends AsyncDisposable {
  readonly authority: CertificateAuthority;
  readonly url: string;
}

/** The embedded API server by itself: the controllers of `varve up` would write into what is compared. */
export async function startEmbedded(): Promise<TestServer> {
  return await startTestServer({
    roles: (store) => [
      nodeRole({
        store,
        ownResources: [nodeResource.plural, `${machineConfigNodeResource.plural}.${machineConfigNodeResource.group}`],
        relatedResources: [`${machineConfigResource.plural}.${machineConfigResource.group}`],
        relatedNames: () => new Set(),
      }),
    ],
  });
}

/** kube-apiserver with the kinds, roles and policies of `varve kube manifests`, and only those controllers that the embedded server has too. */
export async function startKubernetes(): Promise<Subject> {
  // The taint of new nodes is for a scheduler.
  const server = await KubernetesServer.start('--disable-admission-plugins=TaintNodesByCondition');
  try {
    await server.startControllerManager('garbage-collector-controller', 'namespace-controller');
    await installManifests(server.kubeconfig, 'crds', 'access', 'policies');
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** As an administrator, unless named otherwise. */
export async function connect(
  subject: Subject,
  user = 'administrator',
  groups: readonly string[] = ['system:masters'],
): Promise<Connection> {
  const { certificate, key } = await issueClientCertificate(subject.authority, {
    commonName: user,
    organizations: groups,
  });
  return { server: subject.url, ca: subject.authority.certificate, cert: certificate, key };
}
