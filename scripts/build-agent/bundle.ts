// All of the agent's code in one script. What is left out is measured in memory: a module that is loaded and never used
// still costs what its top level allocates.
import { join } from 'node:path';
import { build } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const entry = join(root, 'packages/cli/src/agent-main.ts');
/** No module of ours does anything when it is loaded, but for this one. */
const withEffects = /packages\/(cli\/src\/agent-main|kube\/src\/pki\/x509)\.ts$/;

/** Returns the path of the script. */
export async function bundleAgent(directory: string): Promise<string> {
  const file = join(directory, 'agent.mjs');
  await build({
    input: entry,
    platform: 'node',
    resolve: { alias: { undici: join(import.meta.dirname, 'undici.cjs') } },
    treeshake: { moduleSideEffects: (id) => !id.startsWith(join(root, 'packages/')) || withEffects.test(id) },
    // One character beyond Latin-1, and V8 keeps all of the script with two bytes for each character.
    output: {
      file,
      format: 'esm',
      codeSplitting: false,
      minify: { mangle: { keepNames: { function: false, class: true } }, compress: true, codegen: true },
      charset: 'ascii',
    },
    logLevel: 'warn',
  });
  return file;
}
