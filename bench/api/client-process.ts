// The load of the API benchmark, in a process of its own: it must not share a thread with either server. HTTP/1.1 with TLS
// and a client certificate, by undici, whose connections are reused; answers are read to their end and not parsed.
import { once } from 'node:events';
import { Pool } from 'undici';
import { type Job, type Outcome, outcomeOf, type Target, type Verb } from './job.ts';

const connections = 32;
/** Milliseconds for one answer, and for the last event of a fan-out. */
const answerTimeout = 120_000;
/** TLS handshakes at once: more only wait in the server's queue, and time out there. */
const handshakes = 64;

interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
}

const nodeName = (number: number) => `bench-${String(number).padStart(6, '0')}`;

/** About as large as the Node of a host without images in its status. */
function nodeOf(number: number): string {
  const name = nodeName(number);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'node-role.kubernetes.io/worker': '',
        'topology.kubernetes.io/zone': `zone-${number % 3}`,
      },
      annotations: { 'example.com/note': 'x'.repeat(800) },
    },
    spec: { providerID: `bench://${name}` },
  });
}

let patches = 0;

function requestOf(verb: Verb, number: number): Request {
  const path = `/api/v1/nodes/${nodeName(number)}`;
  if (verb === 'get') return { method: 'GET', path };
  if (verb === 'create') {
    return { method: 'POST', path: '/api/v1/nodes', body: nodeOf(number), contentType: 'application/json' };
  }
  patches += 1;
  const message = `patch ${patches}`;
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = { type: 'Ready', status: 'True', reason: 'Bench', message, lastHeartbeatTime: time };
  const body = JSON.stringify({ status: { conditions: [condition] } });
  return { method: 'PATCH', path: `${path}/status`, body, contentType: 'application/merge-patch+json' };
}

async function send(pool: Pool, { method, path, body, contentType }: Request): Promise<number> {
  const answer = await pool.request({
    ...{ method, path, headersTimeout: answerTimeout, bodyTimeout: answerTimeout },
    ...(body !== undefined && { body }),
    headers: { accept: 'application/json', ...(contentType !== undefined && { 'content-type': contentType }) },
  });
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${await answer.body.text()}`);
  let bytes = 0;
  for await (const chunk of answer.body) bytes += chunk.length;
  return bytes;
}

/** Runs `work` for each number below `count`, `width` at once. */
async function spread(count: number, width: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}

/** Handshakes, and this process's own code before it is compiled, are not what is measured. */
async function warmUp(pool: Pool): Promise<void> {
  await spread(connections * 8, connections, async () => void (await send(pool, { method: 'GET', path: '/version' })));
}

async function requests(pool: Pool, verb: Verb, first: number, count: number): Promise<Outcome> {
  const latencies: number[] = [];
  await warmUp(pool);
  const start = performance.now();
  await spread(count, connections, async (number) => {
    const begin = performance.now();
    await send(pool, requestOf(verb, first + number));
    latencies.push(performance.now() - begin);
  });
  return outcomeOf(latencies, (performance.now() - start) / 1000);
}

async function list(pool: Pool, rounds: number): Promise<Outcome> {
  const latencies: number[] = [];
  let bytes = 0;
  const start = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    bytes = await send(pool, { method: 'GET', path: '/api/v1/nodes' });
    latencies.push(performance.now() - begin);
  }
  return outcomeOf(latencies, (performance.now() - start) / 1000, bytes);
}

/** From the beginning of each write to the moment at which the watcher of its object has read the event. */
async function fanout(pool: Pool, watching: Pool, watchers: number): Promise<Outcome> {
  const from = await currentVersion(pool);
  const begins: number[] = [];
  const arrivals: Promise<number>[] = [];
  await spread(watchers, handshakes, async (number) => {
    arrivals[number] = (await watch(watching, number, from)).arrival;
  });
  await warmUp(pool);
  const start = performance.now();
  const timeout = AbortSignal.timeout(answerTimeout * 5);
  await spread(watchers, connections, async (number) => {
    begins[number] = performance.now();
    await send(pool, requestOf('patch-status', number));
  });
  const late = once(timeout, 'abort').then(() => Promise.reject(new Error('an event did not arrive')));
  const ends = await Promise.race([Promise.all(arrivals), late]);
  const seconds = (performance.now() - start) / 1000;
  return outcomeOf(
    ends.map((end, number) => end - (begins[number] ?? end)),
    seconds,
  );
}

async function currentVersion(pool: Pool): Promise<string> {
  const { body } = await pool.request({ method: 'GET', path: '/api/v1/nodes?limit=1' });
  return /"resourceVersion":\s*"(\d+)"/.exec(await body.text())?.[1] ?? '';
}

/** Resolves when the server has taken the watch, with the time at which its first event has come. */
async function watch(pool: Pool, number: number, from: string): Promise<{ readonly arrival: Promise<number> }> {
  const query = `watch=true&fieldSelector=metadata.name%3D${nodeName(number)}&resourceVersion=${from}&timeoutSeconds=3000`;
  const path = `/api/v1/nodes?${query}`;
  const { statusCode, body } = await pool.request({
    method: 'GET',
    path,
    headersTimeout: answerTimeout,
    bodyTimeout: 0,
  });
  if (statusCode !== 200) throw new Error(`watch of ${nodeName(number)}: ${statusCode} ${await body.text()}`);
  const { promise: arrival, resolve, reject } = Promise.withResolvers<number>();
  // The end of the pool ends the stream; nobody waits for it by then.
  body.on('error', reject);
  body.once('data', () => resolve(performance.now()));
  arrival.catch(() => {});
  return { arrival };
}

async function work(target: Target, job: Job): Promise<Outcome> {
  const { server, ca, cert, key } = target;
  const connect = { ca, cert, key, timeout: answerTimeout };
  const pool = new Pool(server, { connections, pipelining: 1, connect });
  try {
    if (job.kind === 'requests') return await requests(pool, job.verb, job.first, job.count);
    if (job.kind === 'list') return await list(pool, job.rounds);
    const watching = new Pool(server, { connections: job.watchers, pipelining: 1, connect });
    try {
      return await fanout(pool, watching, job.watchers);
    } finally {
      await watching.destroy();
    }
  } finally {
    await pool.destroy();
  }
}

process.on('message', ({ target, job }: { target: Target; job: Job }) => {
  work(target, job).then(
    (outcome) => process.send?.({ outcome }),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
