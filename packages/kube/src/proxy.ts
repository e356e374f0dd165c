// Which proxy leads to a server, as Go programs and therefore kubectl read the environment
// (golang.org/x/net/http/httpproxy, Config).
import { BlockList, isIP } from 'node:net';

/** Variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy's URL for requests to `server`, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY; undefined for the direct way. */
export function proxyFromEnvironment(server: string, environment: Environment): string | undefined {
  const url = URL.parse(server);
  if (url === null) return undefined;
  const names = url.protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : ['HTTP_PROXY', 'http_proxy'];
  const proxy = firstSet(environment, names);
  if (proxy === undefined || isExempt(url, firstSet(environment, ['NO_PROXY', 'no_proxy']) ?? '')) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function firstSet(environment: Environment, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value) return value;
  }
  return undefined;
}

function isExempt(server: URL, list: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || contains('127.0.0.0/8', host) || contains('::1/128', host)) return true;
  for (const entry of list.split(',')) {
    const pattern = entry.trim().toLowerCase();
    if (pattern !== '' && matches(pattern, host, port)) return true;
  }
  return false;
}

function matches(pattern: string, host: string, port: string): boolean {
  if (pattern === '*') return true;
  if (pattern.includes('/')) return contains(pattern, host);
  const [name, onlyPort] = splitPort(pattern);
  if (onlyPort !== undefined && onlyPort !== port) return false;
  if (isIP(host) !== 0) return isIP(name) !== 0 && contains(`${name}/${isIP(name) === 4 ? 32 : 128}`, host);
  const domain = name.replace(/^\*(?=\.)/, '');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** `host`, `host:port`, `[v6]:port`, or an IPv6 address alone. */
function splitPort(pattern: string): [name: string, port: string | undefined] {
  const parts = /^\[(.+)\](?::(\d+))?$/.exec(pattern) ?? /^([^:]+):(\d+)$/.exec(pattern);
  return parts === null ? [pattern, undefined] : [parts[1] ?? '', parts[2]];
}

/** Whether the network `cidr` holds the address `host`. */
function contains(cidr: string, host: string): boolean {
  const [network = '', bits = ''] = cidr.split('/');
  const version = isIP(network);
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || version !== isIP(host) || !(prefix <= (version === 4 ? 32 : 128))) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const networks = new BlockList();
  networks.addSubnet(network, prefix, family);
  return networks.check(host, family);
}
