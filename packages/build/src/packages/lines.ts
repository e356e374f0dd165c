/** Longer lines are cut: no field that is looked for has one. */
const maximumLine = 64 * 1024;

/** The lines of a text in UTF-8, without their ends. */
export async function* readLines(content: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of content) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, maximumLine);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
