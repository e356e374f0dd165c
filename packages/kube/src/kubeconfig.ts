// Kubeconfig files: where servers are and who to be there. Read as kubectl does (KUBECONFIG with several files, contexts,
// inline data or paths relative to the file), without its plug-ins.
// Format: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Connection, Credentials } from './connection.ts';
import { KubeError } from './error.ts';
import { proxyFromEnvironment } from './proxy.ts';
import { isRecord } from './status.ts';

type Fields = Record<string, unknown>;

/** A named cluster, user or context, and the folder that its relative paths start from. */
interface Entry {
  readonly fields: Fields;
  readonly directory: string;
}

/** All files together: of two entries with one name the first counts. */
interface Kubeconfig {
  currentContext: string | undefined;
  readonly clusters: Map<string, Entry>;
  readonly users: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
}

const maxFileBytes = 4 * 1024 * 1024;

/**
 * The connection of the current context (or of `context`) of the file at `path`; without a path of the files in the
 * environment variable KUBECONFIG, without that of `~/.kube/config`. KUBECONFIG_INVALID says what is missing where.
 */
export async function loadKubeconfig(path?: string, options: { context?: string } = {}): Promise<Connection> {
  const paths = path === undefined ? defaultPaths() : [path];
  const config = await readFiles(paths, path !== undefined);
  const source = paths.join(delimiter);
  const name = options.context ?? config.currentContext;
  if (name === undefined) throw invalid(source, 'no current context is set; pick one with kubectl config use-context');
  const context = find(config.contexts, 'context', name, source);
  const cluster = find(config.clusters, 'cluster', text(context, 'cluster', source), source);
  const user = find(config.users, 'user', text(context, 'user', source), source);
  const reload = async () => ({ ...(await readAuthority(cluster, source)), ...(await readUser(user, source)) });
  return {
    ...readCluster(cluster, source),
    ...(await reload()),
    ...(isReferring(cluster) || isReferring(user) ? { reload } : {}),
  };
}

/** Whether some of it is in files, which may be renewed. */
function isReferring({ fields }: Entry): boolean {
  return ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'].some((field) =>
    isSet(fields[field]),
  );
}

/**
 * A kubeconfig file (YAML) with one cluster, user and context, all called `name`, holding everything inline. It is a
 * secret: write it with mode 0600.
 */
export function formatKubeconfig(connection: Connection, options: { name?: string; namespace?: string } = {}): string {
  const { name = 'varve', namespace } = options;
  const { server, ca, cert, key, token, serverName } = connection;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server,
          ...(ca === undefined ? {} : { 'certificate-authority-data': toBase64(ca) }),
          ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(cert === undefined ? {} : { 'client-certificate-data': toBase64(cert) }),
          ...(key === undefined ? {} : { 'client-key-data': toBase64(key) }),
          ...(token === undefined ? {} : { token }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } }],
    'current-context': name,
  });
}

function defaultPaths(): string[] {
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  return listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
}

async function readFiles(paths: readonly string[], explicit: boolean): Promise<Kubeconfig> {
  const config: Kubeconfig = { currentContext: undefined, clusters: new Map(), users: new Map(), contexts: new Map() };
  let found = 0;
  for (const path of paths) {
    const content = await readConfigFile(path, explicit || paths.length === 1);
    if (content === undefined) continue;
    found += 1;
    merge(config, content, resolve(path));
  }
  if (found === 0) throw invalid(paths.join(delimiter), 'none of the files exists');
  return config;
}

/** The text of `path`; undefined when a file of several is missing, which kubectl allows too. */
async function readConfigFile(path: string, required: boolean): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxFileBytes) throw invalid(path, `it is larger than ${maxFileBytes} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof KubeError) throw cause;
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (missing && !required) return undefined;
    throw invalid(
      path,
      missing ? 'the file does not exist; set KUBECONFIG or give its path' : 'it cannot be read',
      cause,
    );
  }
}

function merge(config: Kubeconfig, content: string, path: string): void {
  const document = parseYaml(content, path);
  const current = document['current-context'];
  if (typeof current === 'string' && current !== '') config.currentContext ??= current;
  for (const [list, field] of [
    ['clusters', 'cluster'],
    ['users', 'user'],
    ['contexts', 'context'],
  ] as const) {
    for (const { name, fields } of namedEntries(document[list], list, field, path)) {
      if (!config[list].has(name)) config[list].set(name, { fields, directory: dirname(path) });
    }
  }
}

function parseYaml(content: string, path: string): Fields {
  let document: unknown;
  try {
    document = parse(content);
  } catch (cause) {
    throw invalid(path, 'it is not YAML', cause);
  }
  if (document === null) return {};
  if (!isRecord(document)) throw invalid(path, 'it is not a kubeconfig');
  return document;
}

function namedEntries(value: unknown, list: string, field: string, path: string): { name: string; fields: Fields }[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(path, `${list} is not a list`);
  return value.map((entry: unknown, index) => {
    if (!isRecord(entry) || typeof entry.name !== 'string') throw invalid(path, `${list}[${index}] has no name`);
    const fields = entry[field] ?? {};
    if (!isRecord(fields)) throw invalid(path, `${list}[${index}].${field} is not an object`);
    return { name: entry.name, fields };
  });
}

function find(entries: ReadonlyMap<string, Entry>, what: string, name: string, source: string): Entry {
  const entry = entries.get(name);
  if (entry === undefined) throw invalid(source, `there is no ${what} "${name}"`);
  return entry;
}

function readCluster(cluster: Entry, source: string): Connection {
  if (cluster.fields['insecure-skip-tls-verify'] === true) {
    throw invalid(source, 'insecure-skip-tls-verify is not supported; give certificate-authority-data instead');
  }
  const server = text(cluster, 'server', source);
  const serverName = cluster.fields['tls-server-name'];
  // As kubectl: what the file says counts for every address, what the environment says leaves some out.
  const proxy = isSet(cluster.fields['proxy-url'])
    ? text(cluster, 'proxy-url', source)
    : proxyFromEnvironment(server, process.env);
  return {
    server,
    ...(typeof serverName === 'string' && serverName !== '' ? { serverName } : {}),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

async function readAuthority(cluster: Entry, source: string): Promise<Credentials> {
  const ca = await material(cluster, 'certificate-authority', source);
  return ca === undefined ? {} : { ca };
}

/** Ways to log in that need a program, a browser or a password. */
const unsupported: Readonly<Record<string, string>> = {
  exec: 'exec plug-ins are not supported; use a client certificate or a token (kubectl create token)',
  'auth-provider': 'auth-provider is not supported; use a client certificate or a token',
  username: 'user names with passwords are not supported; use a client certificate or a token',
  as: 'impersonation is not supported',
};

async function readUser(user: Entry, source: string): Promise<Credentials> {
  for (const [field, problem] of Object.entries(unsupported)) {
    if (isSet(user.fields[field])) throw invalid(source, problem);
  }
  const cert = await material(user, 'client-certificate', source);
  const key = await material(user, 'client-key', source);
  const token = await readToken(user, source);
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
  };
}

/** kubectl prefers the file, whose token may be newer. */
async function readToken(user: Entry, source: string): Promise<string | undefined> {
  const { token, tokenFile } = user.fields;
  if (typeof tokenFile === 'string' && tokenFile !== '') {
    return (await readReferenced(resolve(user.directory, tokenFile), source)).trim();
  }
  return typeof token === 'string' && token !== '' ? token : undefined;
}

/** PEM text from `<field>-data` (base64) or from the file that `<field>` names. */
async function material(entry: Entry, field: string, source: string): Promise<string | undefined> {
  const data = entry.fields[`${field}-data`];
  const path = entry.fields[field];
  if (typeof data === 'string' && data !== '')
    return checkPem(Buffer.from(data, 'base64').toString(), `${field}-data`, source);
  if (typeof path !== 'string' || path === '') return undefined;
  return checkPem(await readReferenced(resolve(entry.directory, path), source), field, source);
}

function checkPem(pem: string, field: string, source: string): string {
  if (!pem.includes('-----BEGIN ')) throw invalid(source, `${field} is not PEM`);
  return pem;
}

async function readReferenced(path: string, source: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw invalid(source, `${path} cannot be read`, cause);
  }
}

function text(entry: Entry, field: string, source: string): string {
  const value = entry.fields[field];
  if (typeof value !== 'string' || value === '') throw invalid(source, `${field} is missing`);
  return value;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function toBase64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}

function invalid(path: string, problem: string, cause?: unknown): KubeError {
  return new KubeError('KUBECONFIG_INVALID', `Kubeconfig ${path}: ${problem}.`, { cause });
}
