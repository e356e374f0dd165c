// The pool's HTTP and TCP checks, and whether the control plane was reached: what the agent's network side looks at.
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import type { HealthChecks, HttpCheck, TcpCheck } from '@varve/api';
import { isErrno } from '../state/durable-file.ts';
import { type CheckResult, failed, passed } from './result.ts';
import { trustOf } from './trust.ts';

const defaultTimeoutSeconds = 10;
const maxBody = 64 << 10;

export interface ProbeOptions {
  /** Milliseconds that are left; a check's own time is cut to it. */
  readonly remaining: number;
  /** Where the host's files lie. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** All checks of a pool, side by side, in the pool's order. */
export async function probeAll(checks: HealthChecks, options: ProbeOptions): Promise<CheckResult[]> {
  const { http = [], tcp = [] } = checks;
  const runs = [
    ...http.map((check) => run(check, options, (signal) => probeHttp(check, options.root, signal))),
    ...tcp.map((check) => run(check, options, (signal) => probeTcp(check, signal))),
  ];
  return await Promise.all(runs);
}

async function run(
  check: HttpCheck | TcpCheck,
  { remaining, signal }: ProbeOptions,
  probe: (signal: AbortSignal) => Promise<CheckResult>,
): Promise<CheckResult> {
  const milliseconds = Math.min((check.timeoutSeconds ?? defaultTimeoutSeconds) * 1000, remaining);
  const timeout = AbortSignal.timeout(milliseconds);
  try {
    return await probe(AbortSignal.any([signal, timeout]));
  } catch (error) {
    signal.throwIfAborted();
    const reason = timeout.aborted ? `no answer within ${milliseconds / 1000} s` : reasonOf(error);
    return failed(check.name, `${targetOf(check)}: ${reason}`);
  }
}

async function probeHttp(check: HttpCheck, root: string, signal: AbortSignal): Promise<CheckResult> {
  const { statusCode = 0, body } = await ask(check, root, signal);
  const isHealthy = check.status === undefined ? statusCode >= 200 && statusCode < 300 : statusCode === check.status;
  if (isHealthy) return passed(check.name);
  const wanted = check.status ?? '200 to 299';
  return failed(check.name, `${check.url} answered ${statusCode}, healthy is ${wanted}`, body);
}

/** One request on a connection of its own; of the answer's body no more than anybody reads. */
async function ask(check: HttpCheck, root: string, signal: AbortSignal) {
  const url = new URL(check.url);
  const headers = { 'user-agent': 'varve-agent' };
  const request =
    url.protocol === 'https:'
      ? requestHttps(url, { agent: false, headers, signal, ca: await trustOf(check, root) })
      : requestHttp(url, { agent: false, headers, signal });
  // One that is given up fails again when nobody listens any more, which would end the process.
  request.on('error', () => {});
  try {
    request.end();
    const [response]: IncomingMessage[] = await once(request, 'response', { signal });
    return { statusCode: response?.statusCode, body: response ? await readBody(response) : '' };
  } finally {
    request.destroy();
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > maxBody) break;
  }
  return text;
}

async function probeTcp(check: TcpCheck, signal: AbortSignal): Promise<CheckResult> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host: check.host, port: check.port, signal });
  socket.once('connect', resolve);
  socket.once('error', reject);
  try {
    await promise;
    return passed(check.name);
  } finally {
    socket.destroy();
  }
}

/** After an update a host that could reach its control plane before must do so again, or nobody can help it. */
export function checkControlPlane(reachedBefore: boolean, reachedNow: boolean): CheckResult {
  if (reachedNow || !reachedBefore) return passed('control-plane');
  return failed('control-plane', 'the control plane was not reached since the boot, though it was before the update');
}

function targetOf(check: HttpCheck | TcpCheck): string {
  return 'url' in check ? check.url : `${check.host}:${check.port}`;
}

/** Codes of OpenSSL for a certificate that nobody vouches for (verify(1), "DIAGNOSTICS"), as Node names them. */
const untrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const reason = error.message || error.name;
  const advice = "; name the service's CA in `ca` or `caFile` of the check, or trust it in the image";
  return isErrno(error, ...untrusted) ? `${reason}${advice}` : reason;
}
