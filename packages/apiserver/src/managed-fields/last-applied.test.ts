import { resources } from '@varve/api';
import { expect, test } from 'vitest';
import type { ApiObject } from '../object.ts';
import { Resources } from '../resources.ts';
import { emptySet } from './field-set.ts';
import { lastAppliedFields } from './last-applied.ts';

const configMaps = new Resources(resources).find('', 'v1', 'configmaps');
const start = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}';

function fieldsOf(annotation: string) {
  if (configMaps === undefined) throw new Error('configmaps are not served');
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': annotation };
  const live: ApiObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', annotations },
    data: { b: '1' },
  };
  return lastAppliedFields(live, configMaps);
}

test('what was applied and is still there counts', () => {
  expect(fieldsOf(`${start},"data":{"b":"1"}}`)).toMatchObject({ 'f:data': { 'f:b': {} } });
});

test.each([
  ['is no JSON', `${start},`],
  ['is of another version', `${start.replace('v1', 'v2')},"data":{"b":"1"}}`],
  ['is nested without end', `${start},"data":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}}`],
  ['has keys that no request may have', `${start},"data":{"b":"1"},"__proto__":{"a":1}}`],
])('an annotation that %s counts for nothing', (_what, annotation) => {
  expect(fieldsOf(annotation)).toEqual(emptySet);
});
