// Every varve command line in the documents parses against the real command tree, so that they cannot rot.
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from './program.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Example {
  readonly document: string;
  readonly line: string;
  /** In a block of code it must be complete; in a sentence it may leave out what does not matter there. */
  readonly complete: boolean;
}

async function readExamples(): Promise<Example[]> {
  const guides = (await readdir(`${root}docs`)).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  const examples: Example[] = [];
  for (const document of ['README.md', ...guides]) {
    const text = await readFile(`${root}${document}`, 'utf8');
    for (const [index, part] of text.split(/^```.*$/m).entries()) {
      const isBlock = index % 2 === 1;
      for (const line of isBlock ? linesOfBlock(part) : inlineCode(part)) {
        examples.push({ document, line, complete: isBlock });
      }
    }
  }
  return examples;
}

function linesOfBlock(block: string): string[] {
  return block
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap(
      (line) => /(?:^|<\(|\$ |sudo )(?:npm run varve -- |varve )(?<rest>[a-z][^)]*)/.exec(line)?.groups?.rest ?? [],
    );
}

function inlineCode(text: string): string[] {
  return [...text.matchAll(/`(?:npm run varve -- |varve )(?<rest>[a-z][^`]*)`/g)].map(
    ({ groups }) => groups?.rest ?? '',
  );
}

/** Words as a shell splits them, without comments. */
function wordsOf(line: string): string[] {
  const words = line.replace(/\s#\s.*$/, '').match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replaceAll(/['"]/g, ''));
}

function createParser(): Command {
  const terminal = { out: () => undefined, err: () => undefined, status: () => undefined, interactive: false };
  const program = createProgram({ terminal, signal: new AbortController().signal });
  for (const command of commandsOf(program)) {
    if (command.commands.length === 0) command.action(() => undefined);
  }
  return program;
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

const incomplete = ['commander.missingArgument', 'commander.missingMandatoryOptionValue', 'commander.help'];

async function problemOf({ line, complete }: Example): Promise<string | undefined> {
  try {
    await createParser().parseAsync(wordsOf(line), { from: 'user' });
    return undefined;
  } catch (error) {
    if (!complete && error instanceof CommanderError && incomplete.includes(error.code)) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

describe('the documents', () => {
  test('have only command lines that parse', async () => {
    const examples = await readExamples();
    expect(examples.length).toBeGreaterThan(40);
    const problems: string[] = [];
    for (const example of examples) {
      const problem = await problemOf(example);
      if (problem !== undefined) problems.push(`${example.document}: varve ${example.line}: ${problem}`);
    }
    expect(problems).toEqual([]);
  });

  test.each([
    ['image bild .', true],
    ['up --no-such-flag', false],
    ['image diff one', true],
    ['rollout status', true],
    ['node token --ttl soon', false],
  ])('would not pass with %j', async (line, complete) => {
    expect(await problemOf({ document: '', line, complete })).toBeDefined();
  });

  test('cli.md has every command', async () => {
    const text = await readFile(`${root}docs/cli.md`, 'utf8');
    const leaves = commandsOf(createParser()).filter(({ commands }) => commands.length === 0);
    const names = leaves.map(fullName).filter((name) => !/^varve (?:complete|help)/.test(name));
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !text.includes(`| \`${name}\` |`) && !text.includes(`${name} bash`))).toEqual([]);
    expect(names.filter((name) => !new RegExp(`^(?:.*<\\()?${name}\\b`, 'm').test(text))).toEqual([]);
  });
});

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

describe('--help', () => {
  test.each(commandsOf(createParser()).map((command) => [fullName(command)]))(
    '%s shows what it does and its usage',
    async (name) => {
      const lines: string[] = [];
      const terminal = {
        out: (text: string) => void lines.push(text),
        err: () => undefined,
        status: () => undefined,
        interactive: false,
      };
      const program = createProgram({ terminal, signal: new AbortController().signal });
      const words = [...name.split(' ').slice(1), '--help'];
      await expect(program.parseAsync(words, { from: 'user' })).rejects.toMatchObject({
        code: 'commander.helpDisplayed',
      });
      expect(lines.join('\n')).toMatch(new RegExp(`^Usage: ${name} .*\n\n\\S+`));
    },
  );
});
