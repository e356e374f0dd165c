import { expect, test } from 'vitest';
import { appliedCondition } from './controller.ts';

const refused = { reason: 'SIGNATURE_REJECTED', message: 'SIGNATURE_REJECTED: r/os is not accepted' };

test.each([
  [[], { status: 'True', message: 'in the configs of: no pool' }],
  [
    [
      { name: 'a', isCurrent: true, trouble: undefined },
      { name: 'b', isCurrent: true, trouble: undefined },
    ],
    { status: 'True', reason: 'Rendered', message: 'in the configs of: a, b' },
  ],
  [
    [
      { name: 'a', isCurrent: true, trouble: undefined },
      { name: 'b', isCurrent: false, trouble: undefined },
      { name: 'c', isCurrent: false, trouble: refused },
    ],
    {
      status: 'False',
      reason: 'SIGNATURE_REJECTED',
      message: `pool b: not rendered yet; pool c: ${refused.message}`,
    },
  ],
  [[{ name: 'b', isCurrent: false, trouble: undefined }], { status: 'False', reason: 'Pending' }],
])('%#', (pools, expected) => {
  expect(appliedCondition(pools)).toMatchObject({ type: 'Applied', ...expected });
});
