import { describe, expect, test } from 'vitest';
import { matchesLabels, parseLabelSelector } from './label.ts';

const labels = { a: '1', 'node-role.kubernetes.io/worker': '', zone: 'berlin', n: '10' };

describe('a label selector', () => {
  test.each([
    ['', true],
    ['a=1', true],
    ['a==1', true],
    ['a=2', false],
    ['a!=1', false],
    ['a!=2', true],
    ['missing!=x', true],
    ['a in (1,2)', true],
    ['a in (2, 3)', false],
    ['a notin (2)', true],
    ['missing notin (2)', true],
    ['a', true],
    ['missing', false],
    ['!missing', true],
    ['! a', false],
    ['n>9', true],
    ['n<9', false],
    ['zone>1', false],
    ['node-role.kubernetes.io/worker=', true],
    ['node-role.kubernetes.io/worker=,a=1', true],
    ['a=1,zone=berlin', true],
    ['a=1,zone=paris', false],
    ['a in (),!missing', false],
    ['constructor', false],
  ])('%s gives %s', (text, expected) => {
    expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
  });

  test.each(['a b', 'a=1,', ',a', 'a in 1', 'a in (1', 'a>x', '=1', 'a=1 b=2', '/a', 'a=b/c', 'a in (1 2)'])(
    '%s is refused',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(/unable to parse requirement|, expected: /);
    },
  );
});
