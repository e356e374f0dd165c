import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createCertificateAuthority } from '@varve/kube';
import { expect, test } from 'vitest';
import { initialView } from '../report/view.ts';
import { formatMetrics, type Measured } from './format.ts';
import { serveMetrics } from './server.ts';

const usage = { version: '1', residentMemory: 2, cpu: 3, start: 4 };

function measured(change: Partial<Measured> = {}): Measured {
  return { view: initialView, failures: new Map(), certificate: undefined, ...change };
}

test('what the agent does, and how it fails, is there in the form that Prometheus reads', async () => {
  const { certificate } = await createCertificateAuthority({ commonName: 'test' });
  const view = { ...initialView, step: 'Staging' as const, progress: { bytesDone: 5, bytesTotal: 10 } };
  const lines = formatMetrics(measured({ view, failures: new Map([['DISK_FULL', 2]]), certificate }), usage).split(
    '\n',
  );
  for (const line of [
    'varve_agent_step{step="Staging"} 1',
    'varve_agent_step{step="Done"} 0',
    'varve_agent_stage_done_bytes 5',
    'varve_agent_failures_total{code="DISK_FULL"} 2',
    'process_resident_memory_bytes 2',
    '# TYPE varve_agent_failures_total counter',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.find((line) => line.startsWith('varve_agent_certificate_expiry'))).toMatch(/ \d{10}$/);
  for (const line of lines)
    expect(line).toMatch(/^$|^# (HELP|TYPE) [a-z_]+ .+|^[a-z_]+(\{[a-z]+="[^"\n]*"\})? [0-9.e+]+$/);
});

test('a label is escaped, whatever is in it', () => {
  const failures = new Map([['a"b\\c\nd', 1]]);
  expect(formatMetrics(measured({ failures }), usage)).toContain('{code="a\\"b\\\\c\\nd"} 1');
});

test('they are served on a socket, over what a killed agent left there, and are gone with the agent', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-metrics-'));
  const path = join(directory, 'metrics.sock');
  try {
    {
      await using _server = await serveMetrics(path, async () => measured());
      expect(await get(path, '/metrics')).toMatchObject({
        status: 200,
        body: expect.stringContaining('varve_agent_info'),
      });
      expect(await get(path, '/other')).toMatchObject({ status: 404 });
    }
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await using _failing = await serveMetrics(path, () => Promise.reject(new Error('no identity')));
    expect(await get(path, '/metrics')).toMatchObject({ status: 500 });
  } finally {
    await rm(directory, { recursive: true });
  }
});

async function get(socketPath: string, path: string): Promise<{ status: number | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>();
  request({ socketPath, path, agent: false }, async (response) => {
    resolve({ status: response.statusCode, body: await text(response) });
  })
    .on('error', reject)
    .end();
  return await promise;
}
