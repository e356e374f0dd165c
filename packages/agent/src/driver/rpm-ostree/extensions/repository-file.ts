// How rpm-ostree is told of a repository: a file that it reads together with the host's own (dnf.conf(5), "REPO OPTIONS").
import { pathToFileURL } from 'node:url';
import type { Digest } from '@varve/oci';
import { digestHex } from '@varve/oci';

export const repositoryFile = '/etc/yum.repos.d/varve-extensions.repo';

/**
 * The packages have no signature that the host knows of, as in the reference; the image's digest, which is signed, says
 * what they are. Each image has an id of its own, so that nothing cached of another one is taken for it.
 */
export function formatRepositoryFile(digest: Digest, directory: string): string {
  return [
    `[varve-extensions-${digestHex(digest).slice(0, 16)}]`,
    `name=Extensions image ${digest}`,
    `baseurl=${pathToFileURL(directory).href}`,
    'enabled=1',
    'gpgcheck=0',
    'repo_gpgcheck=0',
    'skip_if_unavailable=0',
    '',
  ].join('\n');
}
