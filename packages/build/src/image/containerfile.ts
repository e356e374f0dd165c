// Finds the line of a Containerfile that a step of buildah's log speaks of. buildah parses the file itself; this reads only
// as much as it takes to count instructions (containerfile(5)).

export interface Instruction {
  /** 1-based. */
  readonly line: number;
  /** The first line of the instruction. */
  readonly text: string;
}

/** The instructions of each stage, FROM first. What stands before the first FROM belongs to none. */
export function parseStages(containerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const instruction of parseInstructions(containerfile)) {
    if (/^FROM\s/i.test(instruction.text)) stages.push([]);
    stages.at(-1)?.push(instruction);
  }
  return stages;
}

function parseInstructions(containerfile: string): Instruction[] {
  const lines = containerfile.split(/\r?\n/);
  const continuation = escapeCharacter(lines);
  const instructions: Instruction[] = [];
  let continued = false;
  for (const [index, line] of lines.entries()) {
    // Comments and empty lines do not end an instruction that goes on.
    if (/^\s*(#.*)?$/.test(line)) continue;
    if (!continued) instructions.push({ line: index + 1, text: line.trim() });
    continued = line.trimEnd().endsWith(continuation);
  }
  return instructions;
}

/** The parser directive `# escape=` at the top of the file, or a backslash. */
function escapeCharacter(lines: readonly string[]): string {
  for (const line of lines) {
    const directive = /^#\s*(?<name>[a-z]+)\s*=\s*(?<value>\S+)\s*$/i.exec(line)?.groups;
    if (directive === undefined) break;
    if (directive.name?.toLowerCase() === 'escape') return directive.value ?? '\\';
  }
  return '\\';
}

export interface Step {
  /** 1-based number of the stage. */
  readonly stage: number;
  /** 1-based number of the instruction in its stage. */
  readonly step: number;
  readonly steps: number;
  /** The instruction as buildah prints it. */
  readonly text: string;
}

/** Parses a line such as `STEP 2/5: RUN true` or `[1/2] STEP 2/5: RUN true`; undefined for any other line. */
export function parseStep(line: string): Step | undefined {
  const match = /^(?:\[(?<stage>\d+)\/\d+\] )?STEP (?<step>\d+)\/(?<steps>\d+): (?<text>.*)$/.exec(line)?.groups;
  if (match === undefined) return undefined;
  return {
    stage: Number(match.stage ?? 1),
    step: Number(match.step),
    steps: Number(match.steps),
    text: match.text ?? '',
  };
}

/** The line of a step, or undefined where the file has no such instruction (then the count went wrong: better no line). */
export function lineOfStep(stages: readonly Instruction[][], step: Step): number | undefined {
  const instruction = stages[step.stage - 1]?.[step.step - 1];
  if (instruction === undefined) return undefined;
  const keyword = (text: string) => text.split(/\s/, 1)[0]?.toUpperCase();
  return keyword(instruction.text) === keyword(step.text) ? instruction.line : undefined;
}
