import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineOfStep, parseStages, parseStep } from './containerfile.ts';

const containerfile = `# syntax comment
ARG BASE
FROM golang AS builder
RUN go build \\
  # a comment inside
  && true

FROM \${BASE}
COPY --from=builder /a /b
RUN one \\
 && two
run three
`;

describe('lineOfStep', () => {
  const stages = parseStages(containerfile);

  test.each([
    ['[1/2] STEP 1/2: FROM golang AS builder', 3],
    ['[1/2] STEP 2/2: RUN go build   && true', 4],
    ['[2/2] STEP 1/4: FROM localhost/x', 8],
    ['[2/2] STEP 3/4: RUN one  && two', 10],
    ['[2/2] STEP 4/4: RUN three', 12],
  ])('%s is line %i', (log, line) => {
    const step = parseStep(log);
    expect(step && lineOfStep(stages, step)).toBe(line);
  });

  test('gives no line rather than a wrong one', () => {
    expect(lineOfStep(stages, { stage: 2, step: 2, steps: 4, text: 'RUN nothing like it' })).toBeUndefined();
    expect(lineOfStep(stages, { stage: 3, step: 1, steps: 1, text: 'FROM x' })).toBeUndefined();
  });
});

test('the escape directive changes the continuation', () => {
  const stages = parseStages('# escape=`\nFROM x\nRUN a `\n b\nRUN c:\\\nRUN d\n');
  expect(stages[0]?.map((instruction) => instruction.line)).toEqual([2, 3, 5, 6]);
});

test('a file of one-line instructions has as many as lines', () => {
  const instruction = fc.constantFrom('RUN true', 'COPY a b', 'LABEL a=b', '  ENV A=b');
  fc.assert(
    fc.property(fc.array(instruction), (lines) => {
      expect(parseStages(['FROM x', ...lines].join('\n'))[0]).toHaveLength(lines.length + 1);
    }),
  );
});

test('parseStep knows only step lines', () => {
  expect(parseStep('STEP 2/5: RUN a: b')).toEqual({ stage: 1, step: 2, steps: 5, text: 'RUN a: b' });
  expect(parseStep('echo STEP 2/5: RUN')).toBeUndefined();
});
