import { expect, test } from 'vitest';
import { type ControllerStatus, serveStatus } from './status-server.ts';

const pool = {
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfigPool',
  metadata: { name: 'worker' },
  spec: { paused: true },
  status: { machineCount: 3, degradedMachineCount: 1 },
};

test('tells whether the process lives, works and leads', async () => {
  let status: ControllerStatus = { isReady: false, isLeader: false, pools: [] };
  await using server = await serveStatus({ host: '127.0.0.1', port: 0 }, () => status);
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { code: response.status, text: await response.text() };
  };
  expect((await ask('/livez')).code).toBe(200);
  expect((await ask('/readyz')).code).toBe(503);
  status = { isReady: true, isLeader: true, pools: [pool] };
  expect((await ask('/readyz')).code).toBe(200);
  const { text } = await ask('/metrics');
  expect(text).toMatch(/^varve_controller_leader 1$/m);
  expect(text).toMatch(/^varve_pool_hosts\{pool="worker",state="degraded"\} 1$/m);
  expect(text).toMatch(/^varve_pool_hosts\{pool="worker",state="ready"\} 0$/m);
  expect(text).toMatch(/^varve_pool_paused\{pool="worker"\} 1$/m);
  expect(text).toMatch(/^varve_controller_info\{version="[0-9.]+"\} 1$/m);
  for (const line of text.trim().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.*\})? [0-9.e+]+)$/);
  expect((await ask('/metrics', 'POST')).code).toBe(404);
  expect((await ask('/')).code).toBe(404);
});

test('a taken port is said', async () => {
  const status = () => ({ isReady: true, isLeader: false, pools: [] });
  await using first = await serveStatus({ host: '127.0.0.1', port: 0 }, status);
  await expect(serveStatus({ host: '127.0.0.1', port: first.port }, status)).rejects.toMatchObject({
    code: 'PORT_IN_USE',
  });
});
