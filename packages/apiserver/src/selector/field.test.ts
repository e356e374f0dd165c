import { describe, expect, test } from 'vitest';
import { matchesFields, parseFieldSelector, requiredField, requiredName } from './field.ts';

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a,b=c' }, spec: { podCIDR: 'x' } };
const selectable = ['metadata.name', 'spec.unschedulable', 'spec.podCIDR'];

describe('a field selector', () => {
  test.each([
    ['', true],
    ['metadata.name=a\\,b\\=c', true],
    ['metadata.name!=a', true],
    ['metadata.name==a', false],
    ['spec.unschedulable=false', true],
    ['spec.unschedulable=true', false],
    ['spec.podCIDR=x,spec.unschedulable!=true', true],
  ])('%s gives %s', (text, expected) => {
    expect(matchesFields(parseFieldSelector(text, selectable), node)).toBe(expected);
  });

  test('refuses fields that are not declared and terms that are none', () => {
    expect(() => parseFieldSelector('status.x=1', selectable)).toThrow('field label not supported: status.x');
    expect(() => parseFieldSelector('metadata.name', selectable)).toThrow(/invalid selector/);
    expect(() => parseFieldSelector('metadata.name=a=b', selectable)).toThrow(/invalid selector/);
  });

  test('tells the name that it demands', () => {
    expect(requiredField(parseFieldSelector('metadata.name=a', selectable), 'metadata.name')).toBe('a');
    expect(requiredField(parseFieldSelector('metadata.name!=a', selectable), 'metadata.name')).toBeUndefined();
    expect(requiredName('spec.x=1,metadata.name=n1')).toBe('n1');
    expect(requiredName('metadata.name!=n1')).toBe('');
  });
});
