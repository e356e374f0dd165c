// The pool's HTTP and TCP checks, and whether the control plane was reached: what the agent's network side looks at.
import { connect } from 'node:net';
import type { HealthChecks, HttpCheck, TcpCheck } from '@varve/api';
import { type CheckResult, failed, passed } from './result.ts';

const defaultTimeoutSeconds = 10;
const maxBody = 64 << 10;

export interface ProbeOptions {
  /** Milliseconds that are left; a check's own time is cut to it. */
  readonly remaining: number;
  readonly signal: AbortSignal;
}

/** All checks of a pool, side by side, in the pool's order. */
export async function probeAll(checks: HealthChecks, options: ProbeOptions): Promise<CheckResult[]> {
  const { http = [], tcp = [] } = checks;
  const runs = [
    ...http.map((check) => run(check, options, (signal) => probeHttp(check, signal))),
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

async function probeHttp(check: HttpCheck, signal: AbortSignal): Promise<CheckResult> {
  const response = await fetch(check.url, { signal, redirect: 'manual', headers: { 'user-agent': 'varve-agent' } });
  const { status } = response;
  const isHealthy = check.status === undefined ? response.ok : status === check.status;
  if (isHealthy) {
    await response.body?.cancel();
    return passed(check.name);
  }
  const wanted = check.status ?? '200 to 299';
  return failed(check.name, `${check.url} answered ${status}, healthy is ${wanted}`, await readBody(response));
}

async function readBody(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
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

/** `fetch failed` hides its reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.cause.name : error.message;
}
