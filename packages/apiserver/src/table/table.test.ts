import { certificateSigningRequestResource, eventResource, machineConfigNodeResource, nodeResource } from '@varve/api';
import { describe, expect, test } from 'vitest';
import { evaluate, parseJsonPath } from './json-path.ts';
import { tableLayout, tableOf } from './table.ts';

const now = new Date('2026-01-01T00:02:02Z');
const options = {
  version: 'v1',
  include: 'Metadata',
  metadata: { resourceVersion: '7' },
  now,
  withDefinitions: true,
} as const;

describe('a JSONPath', () => {
  const object = { a: { 'b.c': [1, { type: 'Ready', status: 'True' }] }, list: [{ x: 1 }, { x: 2 }] };
  test.each([
    ['.a.b\\.c[0]', 1],
    [`.a['b.c'][1].status`, 'True'],
    ['.a.b\\.c[?(@.type=="Ready")].status', 'True'],
    ['.list[-1].x', 2],
    ['.list[?(@.x==2)]', undefined],
    [`.list[?(@.x=="2")].x`, 2],
    ['.missing.deep', undefined],
    ['.a.constructor', undefined],
  ])('%s', (path, expected) => {
    const read = () => evaluate(parseJsonPath(path), object);
    if (path.includes('x==2)')) expect(read).toThrow(SyntaxError);
    else expect(read()).toEqual(expected);
  });
});

describe('tables', () => {
  test('of nodes show state, roles and age', () => {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: 'n',
        creationTimestamp: '2026-01-01T00:00:00Z',
        labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/edge': '' },
      },
      spec: { unschedulable: true },
      status: { conditions: [{ type: 'Ready', status: 'False' }] },
    };
    const table = tableOf(tableLayout(nodeResource), [node], options);
    expect(table).toMatchObject({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '7' },
      rows: [{ object: { kind: 'PartialObjectMetadata', metadata: { name: 'n' } } }],
    });
    expect(JSON.stringify(table.rows)).toContain(
      '["n","NotReady,SchedulingDisabled","edge,worker","2m2s","","<none>","<none>","<unknown>","<unknown>","<unknown>"]',
    );
  });

  test('of custom kinds read JSONPaths; a missing value is null', () => {
    const object = { apiVersion: 'v1', kind: 'x', metadata: { name: 'n' }, spec: { pool: { name: 'worker' } } };
    const table = tableOf(tableLayout(machineConfigNodeResource), [object], {
      ...options,
      include: 'None',
      withDefinitions: false,
    });
    expect(table.columnDefinitions).toBeNull();
    expect(JSON.stringify(table.rows)).toMatch(
      /^\[\{"cells":\["n","worker",null,null,null,.*"<unknown>"\],"object":null\}\]$/,
    );
  });

  test('of events begin with the time and have no second name', () => {
    const names = tableLayout(eventResource).definitions.map(({ name }) => name);
    expect(names.slice(0, 4)).toEqual(['Last Seen', 'Type', 'Reason', 'Object']);
    expect(names.filter((name) => name === 'Name')).toHaveLength(1);
  });

  test('of certificate requests say what became of them', () => {
    const layout = tableLayout(certificateSigningRequestResource);
    const csr = (status: object) => ({
      apiVersion: 'v1',
      kind: 'x',
      metadata: { name: 'n' },
      spec: { expirationSeconds: 86_400 },
      status,
    });
    const rows = tableOf(
      layout,
      [csr({}), csr({ conditions: [{ type: 'Approved' }], certificate: 'x' })],
      options,
    ).rows;
    expect(JSON.stringify(rows)).toContain('"24h","Pending"');
    expect(JSON.stringify(rows)).toContain('"Approved,Issued"');
  });
});
