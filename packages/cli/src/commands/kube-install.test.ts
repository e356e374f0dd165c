import { expect, test } from 'vitest';
import { serverOfPods } from './kube-install.ts';

test.each([
  ['10.0.0.1', '443', 'https://10.0.0.1:443'],
  ['fd00::1', '6443', 'https://[fd00::1]:6443'],
])('pods on %s reach it at %s', (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT, url) => {
  expect(serverOfPods({ KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT })).toBe(url);
});

test('outside of a pod it must be said', () => {
  expect(() => serverOfPods({})).toThrow('--server');
});
