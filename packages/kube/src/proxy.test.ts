import { expect, test } from 'vitest';
import { proxyFromEnvironment } from './proxy.ts';

const proxy = 'http://proxy:3128';

test('the scheme of the server decides which proxy counts', () => {
  const environment = { HTTPS_PROXY: 'http://secure:1', HTTP_PROXY: 'http://plain:2' };
  expect(proxyFromEnvironment('https://api.example', environment)).toBe('http://secure:1');
  expect(proxyFromEnvironment('http://api.example', environment)).toBe('http://plain:2');
  expect(proxyFromEnvironment('https://api.example', { HTTP_PROXY: proxy })).toBeUndefined();
  expect(proxyFromEnvironment('https://api.example', {})).toBeUndefined();
});

test('lower case counts, too, and a scheme may be missing', () => {
  expect(proxyFromEnvironment('https://api.example', { https_proxy: 'proxy:3128' })).toBe(proxy);
  expect(proxyFromEnvironment('https://api.example', { HTTPS_PROXY: ' ', https_proxy: proxy })).toBe(proxy);
});

test.each(['https://localhost:6443', 'https://127.0.0.1:6443', 'https://127.9.9.9', 'https://[::1]:6443'])(
  'this machine is never asked through a proxy: %s',
  (server) => {
    expect(proxyFromEnvironment(server, { HTTPS_PROXY: proxy })).toBeUndefined();
  },
);

test.each([
  ['*', 'https://api.example', true],
  ['api.example', 'https://api.example', true],
  ['API.example', 'https://api.EXAMPLE', true],
  ['example', 'https://api.example', true],
  ['.example', 'https://api.example', true],
  ['.example', 'https://example', false],
  ['*.example', 'https://api.example', true],
  ['*.example', 'https://example', false],
  ['ample', 'https://api.example', false],
  ['x, api.example ,y', 'https://api.example', true],
  ['api.example:6443', 'https://api.example:6443', true],
  ['api.example:443', 'https://api.example', true],
  ['api.example:6443', 'https://api.example', false],
  ['10.0.0.0/8', 'https://10.200.0.1:443', true],
  ['10.0.0.0/8', 'https://11.0.0.1', false],
  ['10.0.0.0/8', 'https://10.example', false],
  ['10.0.0.1', 'https://10.0.0.1', true],
  ['10.0.0.1:443', 'https://10.0.0.1', true],
  ['10.0.0.1', 'https://10.0.0.11', false],
  ['fd00::/8', 'https://[fd00::1]:6443', true],
  ['fd00::/8', 'https://[fe80::1]:6443', false],
  ['fd00::1', 'https://[fd00:0::1]', true],
  ['[fd00::1]:443', 'https://[fd00::1]', true],
  ['10.0.0.0/33', 'https://10.0.0.1', false],
  ['10.0.0.0/x', 'https://10.0.0.1', false],
  ['/', 'https://10.0.0.1', false],
  [':', 'https://api.example', false],
  ['', 'https://api.example', false],
])('NO_PROXY=%s exempts %s: %s', (list, server, isExempt) => {
  const expected = isExempt ? undefined : proxy;
  expect(proxyFromEnvironment(server, { HTTPS_PROXY: proxy, NO_PROXY: list })).toBe(expected);
});
