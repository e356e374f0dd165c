// All of a program's code in one script. What is left out is measured in memory: a module that is loaded and never used
// still costs what its top level allocates.
import { readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const agentEntry = join(root, 'packages/cli/src/agent-main.ts');
/** No module of ours does anything when it is loaded, but for these. */
const withEffects = /packages\/(cli\/src\/(agent-main|compile-less)|kube\/src\/pki\/x509)\.ts$/;

/** What nobody uses is left out, with all that it would load. */
export const treeshake = {
  moduleSideEffects: (id: string) => !id.startsWith(join(root, 'packages/')) || withEffects.test(id),
  propertyReadSideEffects: false,
} as const;

/**
 * Parts of packages that nothing here uses: HTTP/2, bodies made of forms with what fetch needs for them, and threads that
 * write logs. Each is more than a module of ours, and loads modules of Node.
 */
const unusedParts = /node_modules\/(undici\/lib\/(dispatcher\/client-h2|web\/fetch\/body)|thread-stream\/index)\.js$/;

const leaveOut: Plugin = {
  name: 'leave-out',
  load: (id) => (unusedParts.test(id) ? 'module.exports = {};' : undefined),
};

/** Loaded when a function of theirs is called: little that a program does needs them, and each loads many more. */
const rarelyUsed: ReadonlySet<string> = new Set(['node:child_process', 'node:readline/promises', 'node:zlib']);

/**
 * Node's modules where they are used, and no more of them than that. An `import` of one loads it at the start and reads all
 * of its exports: those of node:http are made by a WebSocket and a fetch that nothing here uses.
 */
export const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  resolveId(source, _importer, { kind }) {
    const name = source.startsWith('node:') ? source : `node:${source}`;
    // node:module is for the bundle's own beginning, which runs before anything else can.
    if (!isBuiltin(source) || name === 'node:module') return undefined;
    return { id: `\0${kind === 'require-call' ? 'required' : 'imported'} ${name}`, moduleSideEffects: false };
  },
  load(id) {
    const [, kind, name = ''] = /^\0(required|imported) (.*)$/.exec(id) ?? [];
    if (kind === undefined) return undefined;
    const module = `process.getBuiltinModule(${JSON.stringify(name)})`;
    if (kind === 'required') return `module.exports = ${module};`;
    const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter((key) => key !== 'default');
    if (rarelyUsed.has(name)) return whenCalled(module, names);
    const exports = names.map((key) => `export const ${key} = builtin.${key};`);
    return [`const builtin = /* @__PURE__ */ ${module};`, 'export default builtin;', ...exports].join('\n');
  },
};

/** A module's text whose functions ask for `module` when they are called. Classes and values do when they are imported. */
function whenCalled(module: string, names: readonly string[]): string {
  const exports = names.map((name) => {
    const isFunction = /^[a-z]/.test(name) && name !== 'constants';
    const value = isFunction ? `(...given) => ${module}.${name}(...given)` : `/* @__PURE__ */ ${module}.${name}`;
    return `export const ${name} = ${value};`;
  });
  const getters = names.map((name) => `get ${name}() { return ${module}.${name}; }`);
  return [...exports, `export default { ${getters.join(', ')} };`].join('\n');
}

/** Packages that are read in part. */
const alias = {
  undici: join(import.meta.dirname, 'undici.cjs'),
  yaml: join(import.meta.dirname, 'yaml.cjs'),
};

const namedImport = /^(import|export) (\{[^}]*\}) from '@varve\/([a-z]+)';$/gm;
const declaration = /^export (?:const|class|function\*?|async function\*?) (\w+)/gm;
const namedExport = /^export \{([^}]*)\} from '\.\/([^']+)';$/gm;

/**
 * Imports from another package go straight to the files behind its index, which does nothing but re-export. Through the index,
 * the network side would load with two functions of a package all of it.
 */
const directImports: Plugin = {
  name: 'direct-imports',
  async transform(code, id) {
    if (!id.startsWith(join(root, 'packages/')) || !code.includes("from '@varve/")) return undefined;
    const packages = new Map<string, ReadonlyMap<string, string>>();
    for (const [, , , name = ''] of code.matchAll(namedImport)) packages.set(name, await exportsOf(name));
    return code.replaceAll(namedImport, (whole, verb: string, names: string, name: string) => {
      const statements = specifiers(names.slice(1, -1)).map((specifier) => {
        const file = packages.get(name)?.get(specifier.split(' ')[0] ?? '');
        return `${verb} { ${specifier} } from '${file ?? `@varve/${name}`}';`;
      });
      // On one line less or more, nobody reads it.
      return statements.length === 0 ? whole : statements.join(' ');
    });
  },
};

/** Exported name to the file that has it. */
async function exportsOf(name: string): Promise<ReadonlyMap<string, string>> {
  const directory = join(root, 'packages', name, 'src');
  const index = await readFile(join(directory, 'index.ts'), 'utf8');
  const exports = new Map<string, string>();
  for (const [, names = '', path = ''] of index.matchAll(namedExport)) {
    for (const specifier of specifiers(names)) exports.set(specifier, join(directory, path));
  }
  for (const [, path = ''] of index.matchAll(/^export \* from '\.\/([^']+)';$/gm)) {
    const file = join(directory, path);
    for (const [, exported = ''] of (await readFile(file, 'utf8')).matchAll(declaration)) exports.set(exported, file);
  }
  return exports;
}

/** Of values; types are gone when the code runs. */
function specifiers(list: string): string[] {
  return list
    .split(',')
    .map((specifier) => specifier.trim())
    .filter((specifier) => specifier !== '' && !specifier.startsWith('type '));
}

/** Returns the path of the script. */
export async function bundleAgent(directory: string): Promise<string> {
  return await bundleScript(agentEntry, join(directory, 'agent.mjs'));
}

/** Makes the script `file` of a program that begins at `entry`, and returns its path. */
export async function bundleScript(entry: string, file: string): Promise<string> {
  await build({
    input: entry,
    platform: 'node',
    plugins: [leaveOut, lazyBuiltins, directImports],
    resolve: { alias },
    treeshake,
    // What is in parentheses is compiled with the script, and kept in the code cache: most of it is the helper's only.
    optimization: { pifeForModuleWrappers: false },
    output: {
      file,
      format: 'esm',
      codeSplitting: false,
      minify: { mangle: { keepNames: { function: false, class: true } }, compress: true, codegen: true },
      charset: 'ascii',
    },
    logLevel: 'warn',
  });
  await writeFile(file, toAscii(await readFile(file, 'utf8')));
  return file;
}

/** One other character, in a comment even, and V8 keeps all of the script with two bytes for each. */
function toAscii(script: string): string {
  return script.replaceAll(/[^\n -~\t]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
