import { expect, it } from 'vitest';
import { parseNodeLabels } from './node-labels.ts';

it.each<[string, Record<string, string>]>([
  ['', {}],
  ['zone=a', { zone: 'a' }],
  [' zone=a , node-role.kubernetes.io/worker= ', { zone: 'a', 'node-role.kubernetes.io/worker': '' }],
  ['bare', { bare: '' }],
  ['a=b=c,ok=1,=x,b=ä', { ok: '1' }],
])('%j gives %j', (text, expected) => expect(parseNodeLabels(text)).toEqual(expected));
