// The arrows of docs/architecture.md: a package may import only what stands below it.
const arrows = {
  api: [],
  oci: [],
  kube: ['api'],
  ostree: ['oci'],
  registry: ['oci'],
  apiserver: ['kube', 'api'],
  controllers: ['kube', 'oci', 'api'],
  build: ['oci'],
  deploy: ['kube', 'api'],
  agent: ['kube', 'oci', 'ostree', 'api'],
  server: ['apiserver', 'registry', 'controllers', 'deploy', 'kube', 'oci', 'api'],
  cli: ['server', 'controllers', 'agent', 'build', 'deploy', 'kube', 'oci', 'ostree', 'api'],
};

module.exports = {
  forbidden: [
    ...Object.entries(arrows).map(([name, below]) => ({
      name: `arrow-${name}`,
      severity: 'error',
      from: { path: `^packages/${name}/` },
      to: { path: '^packages/', pathNot: `^packages/(${[name, ...below].join('|')})/` },
    })),
    {
      name: 'only-the-index-of-another-package',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/src/', pathNot: ['^packages/$1/', '/src/index\\.ts$'] },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^node:' } },
  ],
  options: {
    // Newer than the list that comes with the tool.
    builtInModules: { add: ['ffi'] },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
