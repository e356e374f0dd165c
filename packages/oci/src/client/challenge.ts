// WWW-Authenticate: https://www.rfc-editor.org/rfc/rfc9110.html#section-11.6.1
// and, for Bearer, https://distribution.github.io/distribution/spec/auth/token/

export interface Challenge {
  /** In lower case: `basic`, `bearer`, … */
  scheme: string;
  parameters: Map<string, string>;
}

const token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const schemePattern = new RegExp(`[\\s,]*(${token})(?=[\\s,]|$)`, 'y');
const parameterPattern = new RegExp(`[\\s,]*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*))`, 'y');

/** Reads the challenges of all headers; what cannot be read ends the list. */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap((header) => parseHeader(header.slice(0, 8192)));
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  while (position < header.length) {
    parameterPattern.lastIndex = position;
    const parameter = parameterPattern.exec(header);
    const current = challenges.at(-1);
    if (parameter !== null && current !== undefined) {
      const value = parameter[2]?.replace(/\\(.)/g, '$1') ?? parameter[3] ?? '';
      current.parameters.set((parameter[1] ?? '').toLowerCase(), value);
      position = parameterPattern.lastIndex;
      continue;
    }
    schemePattern.lastIndex = position;
    const scheme = schemePattern.exec(header)?.[1];
    if (scheme === undefined) break;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    position = schemePattern.lastIndex;
  }
  return challenges;
}
