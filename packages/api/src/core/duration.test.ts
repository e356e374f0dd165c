import { expect, test } from 'vitest';
import { humanDuration } from './duration.ts';

// The cases of apimachinery pkg/util/duration.
test.each([
  [-5, '<invalid>'],
  [-1.5, '0s'],
  [0, '0s'],
  [70, '70s'],
  [119, '119s'],
  [120, '2m'],
  [122, '2m2s'],
  [599, '9m59s'],
  [600, '10m'],
  [3 * 3600 - 1, '179m'],
  [3 * 3600, '3h'],
  [3 * 3600 + 60, '3h1m'],
  [8 * 3600 + 60, '8h'],
  [47 * 3600, '47h'],
  [49 * 3600, '2d1h'],
  [8 * 86_400, '8d'],
  [729 * 86_400, '729d'],
  [731 * 86_400, '2y1d'],
  [3000 * 86_400, '8y'],
])('%d seconds are %s', (seconds, text) => {
  expect(humanDuration(seconds)).toBe(text);
});
