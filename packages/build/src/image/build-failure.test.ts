import { expect, test } from 'vitest';
import { CommandFailure } from '../command.ts';
import { buildFailure } from './build-image.ts';
import { parseStages } from './containerfile.ts';

function failureWith(lines: string[]): CommandFailure {
  return new CommandFailure('buildah ended with exit code 1', lines, { cause: undefined });
}

test('names line, step, reason and the last lines of the step', () => {
  const stages = parseStages('FROM x\n\nRUN apt-get install nosuch\n');
  const step = { stage: 1, step: 2, steps: 2, text: 'RUN apt-get install nosuch' };
  const failure = failureWith([
    'STEP 2/2: RUN apt-get install nosuch',
    'Reading package lists... 0%\rReading package lists... Done',
    'E: Unable to locate package nosuch',
    'subprocess exited with status 100',
    'Error: building at STEP "RUN apt-get install nosuch": exit status 100',
  ]);
  const error = buildFailure('os/Containerfile', stages, step, failure);
  expect(error.code).toBe('BUILD_FAILED');
  expect(
    error.message,
  ).toBe(`os/Containerfile line 3, step 2/2 "RUN apt-get install nosuch" failed: exit status 100. Correct that line and build again. Last lines:
  Reading package lists... Done
  E: Unable to locate package nosuch`);
});

test('says what buildah said where no step began', () => {
  const error = buildFailure('Containerfile', [], undefined, failureWith(['Error: no FROM statement found']));
  expect(error.message).toContain('Containerfile failed: no FROM statement found');
});
