// What a cluster asks of the controllers' process: whether it lives, whether it can work, and figures for Prometheus (text
// format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/). Nothing in it is secret.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { MachineConfigPool, MachineConfigPoolStatus } from '@varve/api';
import packageJson from '../../package.json' with { type: 'json' };
import { type ListenAddress, listenError } from '../listen.ts';

export interface ControllerStatus {
  /** Whether it has spoken to the API server, and works or stands by. */
  readonly isReady: boolean;
  readonly isLeader: boolean;
  /** As the leader sees them; none for others. */
  readonly pools: readonly MachineConfigPool[];
}

export interface StatusServer extends AsyncDisposable {
  readonly port: number;
}

/** @throws ServerError PORT_IN_USE */
export async function serveStatus(listen: ListenAddress, status: () => ControllerStatus): Promise<StatusServer> {
  const timeouts = { requestTimeout: 10_000, headersTimeout: 10_000 };
  const server = createServer(timeouts, (request, response) => answer(request, response, status()));
  server.maxConnections = 64;
  server.listen(listen.port, listen.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(listen, error);
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : listen.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, status: ControllerStatus): void {
  const [code, text] = pageOf(request.method === 'GET' ? request.url : undefined, status);
  response.writeHead(code, { 'content-type': 'text/plain; version=0.0.4' }).end(`${text}\n`);
}

function pageOf(url: string | undefined, status: ControllerStatus): [code: number, text: string] {
  switch (url) {
    case '/livez':
      return [200, 'ok'];
    case '/readyz':
      return status.isReady ? [200, 'ok'] : [503, 'the API server has not answered yet'];
    case '/metrics':
      return [200, formatMetrics(status)];
    default:
      return [404, 'there are /livez, /readyz and /metrics'];
  }
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** Of a pool's status, by what they count. */
const counts = {
  total: 'machineCount',
  updated: 'updatedMachineCount',
  ready: 'readyMachineCount',
  unavailable: 'unavailableMachineCount',
  degraded: 'degradedMachineCount',
} as const satisfies Readonly<Record<string, keyof MachineConfigPoolStatus>>;

function formatMetrics({ isLeader, isReady, pools }: ControllerStatus): string {
  const { user, system } = process.cpuUsage();
  const { version } = packageJson;
  const start = Math.round(performance.timeOrigin / 1000);
  return [
    metric('varve_controller_info', 'gauge', 'Version of the controllers.', [[1, { version }]]),
    metric('varve_controller_leader', 'gauge', 'Whether this process leads.', [[Number(isLeader)]]),
    metric('varve_controller_ready', 'gauge', 'Whether the API server answers.', [[Number(isReady)]]),
    metric('varve_pool_hosts', 'gauge', 'Hosts of a pool by what they are; the leader tells.', pools.flatMap(hostsOf)),
    metric('varve_pool_paused', 'gauge', 'Whether a pool gives no slots.', pools.map(pausedOf)),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[process.memoryUsage.rss()]]),
    metric('process_cpu_seconds_total', 'counter', 'CPU time, user and system.', [[(user + system) / 1e6]]),
    metric('process_start_time_seconds', 'gauge', 'Start of the process.', [[start]]),
  ].join('\n');
}

function hostsOf({ metadata, status }: MachineConfigPool): Sample[] {
  const pool = metadata.name ?? '';
  return Object.entries(counts).map(([state, field]) => [status?.[field] ?? 0, { pool, state }]);
}

function pausedOf({ metadata, spec }: MachineConfigPool): Sample {
  return [Number(spec.paused ?? false), { pool: metadata.name ?? '' }];
}

function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([value, labels = {}]) => `${name}${formatLabels(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
}

/** Names of objects and versions need no escapes. */
function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
