// /version: clients compare minor versions with their own and warn about a large distance.
import process from 'node:process';

/** The Kubernetes version whose API the server follows. */
const kubernetes = { major: '1', minor: '34' };

export function versionOf(product: string) {
  return {
    ...kubernetes,
    gitVersion: `v${kubernetes.major}.${kubernetes.minor}.0+varve-${product}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'node',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
