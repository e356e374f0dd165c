import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { maximumImageConfigSize, parseImageConfig } from './image-config.ts';

const diffId = digestOf(Buffer.from('layer'));
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } };

test('reads labels, history and diff-ids', () => {
  const history = [{ created_by: 'COPY', empty_layer: true }];
  const full = {
    ...config,
    created: '2026-01-01T00:00:00Z',
    config: { Labels: { 'ostree.bootable': 'true' }, Env: ['A=b'] },
    history,
  };
  expect(parseImageConfig(Buffer.from(JSON.stringify(full)))).toEqual({
    ...full,
    config: { Labels: { 'ostree.bootable': 'true' } },
  });
});

test.each([[{}], [{ config: null, history: null }], [{ config: { Labels: null } }]])(
  'fills in what %j leaves out',
  (extra) => {
    const parsed = parseImageConfig(Buffer.from(JSON.stringify({ ...config, ...extra })));
    expect(parsed).toEqual({ ...config, config: { Labels: {} }, history: [] });
  },
);

test.each([
  ['no JSON', '{'],
  ['no root file system', JSON.stringify({ ...config, rootfs: undefined })],
  ['another root file system', JSON.stringify({ ...config, rootfs: { type: 'tree', diff_ids: [] } })],
  ['a bad diff-id', JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: ['sha256:x'] } })],
  ['an artifact', '{}'],
  ['too many bytes', ' '.repeat(maximumImageConfigSize + 1)],
])('refuses %s', (_what, text) => {
  expect(() => parseImageConfig(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'IMAGE_CONFIG_INVALID' }));
});
