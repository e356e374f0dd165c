import { machineConfigNodeResource, machineConfigPoolResource, nodeResource, secretResource } from '@varve/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyDefaults } from './defaults.ts';
import { validateMetadata } from './metadata.ts';
import { prune } from './prune.ts';
import { type Schema, schemaOf } from './structural.ts';
import { validateSchema } from './validate.ts';

const widget: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['color'],
      properties: {
        color: { type: 'string', enum: ['red', 'green'] },
        replicas: { type: 'integer', minimum: 0, maximum: 9 },
        ip: { type: 'string', pattern: '^[0-9.]+$' },
        short: { type: 'string', maxLength: 5 },
        ports: {
          type: 'array',
          maxItems: 3,
          listType: 'map',
          listMapKeys: ['port'],
          items: {
            type: 'object',
            properties: { port: { type: 'integer' }, name: { type: 'string', maxLength: 5 } },
          },
        },
        tags: { type: 'array', listType: 'set', items: { type: 'string' } },
        when: { type: 'string', format: 'date-time' },
        limit: { intOrString: true },
        free: { type: 'object', preserveUnknownFields: true },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        mode: { type: 'string', default: 'fast' },
        maybe: { type: 'string', nullable: true },
      },
    },
  },
};

describe('validation', () => {
  test.each([
    [{ color: 'red' }, undefined],
    [{}, 'spec.color: Required value'],
    [{ color: 'blue' }, 'spec.color: Unsupported value: "blue": supported values: "red", "green"'],
    [
      { color: 'red', replicas: 'x' },
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    ],
    [
      { color: 'red', replicas: 1.5 },
      'spec.replicas: Invalid value: "number": spec.replicas in body must be of type integer: "number"',
    ],
    [
      { color: 'red', replicas: -1 },
      'spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
    ],
    [{ color: 'red', ip: 'x' }, `spec.ip: Invalid value: "x": spec.ip in body should match '^[0-9.]+$'`],
    [{ color: 'red', short: 'sixsix' }, 'spec.short: Too long: may not be more than 5 bytes'],
    [{ color: 'red', ports: [{ port: 1 }, { port: 1 }] }, 'spec.ports[1]: Duplicate value: {"port":1}'],
    [{ color: 'red', tags: ['a', 'a'] }, 'spec.tags[1]: Duplicate value: "a"'],
    [{ color: 'red', ports: [1, 2, 3, 4] }, 'spec.ports: Too many: 4: must have at most 3 items'],
    [
      { color: 'red', when: 'yesterday' },
      'spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time',
    ],
    [
      { color: 'red', limit: true },
      'spec.limit: Invalid value: "boolean": spec.limit in body must be of type integer or string: "boolean"',
    ],
    [
      { color: 'red', labels: { a: 1 } },
      'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
    ],
    [{ color: 'red', maybe: null, limit: '10%', when: '2026-01-01T00:00:00.5+02:00' }, undefined],
  ])('of %j says %s', (spec, expected) => {
    const [cause] = validateSchema({ spec }, widget, '');
    expect(cause === undefined ? undefined : `${cause.field}: ${cause.message}`).toBe(expected);
  });

  test('reports several errors, but not without end', () => {
    expect(validateSchema({ spec: { color: 'x', replicas: 'x' } }, widget, '')).toHaveLength(2);
    const many = { spec: { color: 'red', tags: Array.from({ length: 5000 }, () => 1) } };
    expect(validateSchema(many, widget, '').length).toBeLessThan(6000);
  });

  test.each([
    ['what is as it was', { color: 'blue', short: 'sixsix' }, { color: 'blue', short: 'sixsix', replicas: 1 }, []],
    ['but not what changed', { color: 'blue' }, { color: 'violet' }, ['spec.color']],
    ['nor what is missing', {}, { replicas: 1 }, ['spec.color']],
    [
      'in items with the same keys',
      { color: 'red', ports: [{ port: 1, name: 'toolong' }] },
      {
        color: 'red',
        ports: [
          { port: 2, name: 'toolong' },
          { port: 1, name: 'toolong' },
        ],
      },
      ['spec.ports[0].name'],
    ],
    [
      'and in lists without keys only as a whole',
      { color: 'red', tags: [1, 'a'] },
      { color: 'red', tags: [1, 'b'] },
      ['spec.tags[0]'],
    ],
  ])('tolerates %s', (_name, old, spec, fields) => {
    const found = validateSchema({ spec }, widget, '', { spec: old });
    expect(found.map(({ field }) => field)).toEqual(fields);
  });

  test('never throws, whatever the value', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void validateSchema(value, widget, '')));
  });
});

describe('pruning', () => {
  test('removes and reports unknown fields, and keeps free objects', () => {
    const value = {
      spec: { color: 'red', x: 1, free: { y: 1 }, labels: { z: '1' }, ports: [{ port: 1, q: 2 }] },
      extra: 1,
    };
    const unknown: string[] = [];
    prune(value, widget, '', unknown);
    expect(unknown.sort()).toEqual(['extra', 'spec.ports[0].q', 'spec.x']);
    expect(value).toEqual({ spec: { color: 'red', free: { y: 1 }, labels: { z: '1' }, ports: [{ port: 1 }] } });
  });

  test('twice is the same as once', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (spec) => {
        const value = { spec };
        prune(value, widget, '', []);
        const unknown: string[] = [];
        prune(value, widget, '', unknown);
        expect(unknown).toEqual([]);
      }),
    );
  });
});

describe('defaulting', () => {
  test.each([
    [{ spec: {} }, { spec: { mode: 'fast' } }],
    [{ spec: { mode: null, maybe: null, ip: null } }, { spec: { mode: 'fast', maybe: null } }],
    [{ spec: { mode: 'slow' } }, { spec: { mode: 'slow' } }],
    [{}, {}],
  ])('%j gives %j', (value, expected) => {
    applyDefaults(value, widget);
    expect(value).toEqual(expected);
  });
});

describe('schemas of the kinds', () => {
  test('carry lists that merge, and free objects', () => {
    const node = schemaOf(nodeResource).properties?.status?.properties;
    expect(node?.conditions).toMatchObject({ patchStrategy: 'merge', patchMergeKey: 'type', listType: 'map' });
    expect(node?.capacity?.additionalProperties).toEqual({ intOrString: true });
    expect(schemaOf(secretResource).properties?.data?.additionalProperties).toEqual({ type: 'string', format: 'byte' });
  });

  test('accept a count or a percentage where one is meant', () => {
    const schema = schemaOf(machineConfigPoolResource);
    const spec = (maxUnavailable: unknown) => ({ apiVersion: 'v1', kind: 'x', metadata: {}, spec: { maxUnavailable } });
    expect(validateSchema(spec(2), schema, '')).toEqual([]);
    expect(validateSchema(spec('10%'), schema, '')).toEqual([]);
    expect(validateSchema(spec('10'), schema, '')).toHaveLength(1);
    expect(validateSchema(spec(-1), schema, '')).toHaveLength(1);
  });

  test('never change an object that fits', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'MachineConfigNode',
      metadata: { name: 'a', anything: 1 },
      spec: { node: { name: 'a' }, pool: { name: 'p' }, configVersion: { desired: 'd' } },
    };
    const copy = structuredClone(object);
    const unknown: string[] = [];
    prune(copy, schemaOf(machineConfigNodeResource), '', unknown);
    applyDefaults(copy, schemaOf(machineConfigNodeResource));
    expect({ copy, unknown }).toEqual({ copy: object, unknown: [] });
  });
});

describe('metadata', () => {
  const rules = { custom: false, nameRule: 'subdomain' } as const;
  test.each([
    [{ name: 'a.b-c' }, undefined],
    [{ name: 'Bad_Name' }, 'metadata.name'],
    [{ name: 'a'.repeat(254) }, 'metadata.name'],
    [{ name: 'a', labels: { 'x/y': 'ok', z: 'bad value' } }, 'metadata.labels'],
    [{ name: 'a', labels: { '/y': '' } }, 'metadata.labels'],
    [{ name: 'a', annotations: { a: 'x'.repeat(262_144) } }, 'metadata.annotations'],
    [{ name: 'a', finalizers: ['nodomain'] }, 'metadata.finalizers[0]'],
    [{ name: 'a', finalizers: ['foregroundDeletion', 'a.b/c'] }, undefined],
    [
      { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'n', uid: 'u' }] },
      'metadata.ownerReferences[0]',
    ],
    [
      { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: '' }] },
      'metadata.ownerReferences.uid',
    ],
  ])('%#: the field at fault is %s', (metadata, field) => {
    expect(validateMetadata(metadata, rules)[0]?.field).toBe(field);
  });

  test('of custom kinds may have finalizers without a domain', () => {
    expect(validateMetadata({ name: 'a', finalizers: ['nodomain'] }, { ...rules, custom: true })).toEqual([]);
  });
});
