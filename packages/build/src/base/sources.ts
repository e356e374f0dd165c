// apt's sources: reads what the machine uses, in both of apt's formats (sources.list(5)), and keeps what serves one
// suite. So a base image comes from the mirror that this machine already trusts.

/** One deb822 stanza, reduced to what this package passes on. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Path of a keyring, or the key itself in ASCII armour. */
  readonly signedBy?: string | undefined;
  /** Other options, such as Check-Valid-Until, by their deb822 names. */
  readonly options: ReadonlyMap<string, string>;
}

/** deb822 names of the options of one-line entries that differ by more than capitals. */
const longNames = new Map([
  ['arch', 'Architectures'],
  ['lang', 'Languages'],
  ['target', 'Targets'],
]);

/** Parses a `.list` file. Lines that are no valid `deb` entries are left out, as are `deb-src` entries. */
export function parseSourcesList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[(?<options>[^\]]*)\]\s*)?(?<uri>\S+)\s+(?<suite>\S+)(?<components>[^#]*)/.exec(line);
    if (match?.groups === undefined) continue;
    const { options: optionText = '', uri = '', suite = '', components = '' } = match.groups;
    const options = new Map<string, string>();
    for (const word of words(optionText)) {
      const [name = '', value = ''] = word.split('=', 2);
      options.set(longNames.get(name) ?? capitalised(name), value.replaceAll(',', ' '));
    }
    sources.push(sourceOf([uri], [suite], words(components), options));
  }
  return sources;
}

/** Parses a `.sources` file (deb822). Disabled stanzas and stanzas without `deb` are left out. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of text.replaceAll(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
    const fields = parseStanza(stanza);
    if (fields.get('Enabled') === 'no' || !words(fields.get('Types') ?? '').includes('deb')) continue;
    const [uris, suites, components] = ['URIs', 'Suites', 'Components'].map((name) => words(fields.get(name) ?? ''));
    if (uris === undefined || suites === undefined || components === undefined) continue;
    for (const name of ['Types', 'URIs', 'Suites', 'Components', 'Enabled']) fields.delete(name);
    if (uris.length > 0 && suites.length > 0) sources.push(sourceOf(uris, suites, components, fields));
  }
  return sources;
}

function parseStanza(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of stanza.split('\n')) {
    const field = /^(?<name>[A-Za-z][A-Za-z0-9-]*):[ \t]*(?<value>.*)$/.exec(line)?.groups;
    if (field !== undefined) {
      last = canonicalName(field.name ?? '');
      fields.set(last, (field.value ?? '').trim());
    } else if (/^\s+\S/.test(line) && last !== '') {
      fields.set(last, `${fields.get(last)}\n${line.trimEnd()}`);
    }
  }
  return fields;
}

function canonicalName(name: string): string {
  return name.toLowerCase() === 'uris' ? 'URIs' : capitalised(name.toLowerCase());
}

function sourceOf(uris: string[], suites: string[], components: string[], options: Map<string, string>): AptSource {
  const signedBy = options.get('Signed-By');
  options.delete('Signed-By');
  return { uris, suites, components, signedBy, options };
}

/**
 * The sources of one release: its own suite, updates and security, over the network. Where the machine runs another
 * release of the same distribution, `machineSuite` is replaced by `suite`.
 */
export function sourcesOfSuite(sources: readonly AptSource[], machineSuite: string, suite: string): AptSource[] {
  const pockets = ['', '-updates', '-security', '/updates'];
  const wanted = new Map(
    pockets.flatMap((pocket) => [machineSuite, suite].map((name) => [name + pocket, suite + pocket])),
  );
  const kept: AptSource[] = [];
  for (const source of sources) {
    const uris = source.uris.filter((uri) => /^(https?|mirror\+https?):\/\//.test(uri));
    const suites = [...new Set(source.suites.flatMap((name) => wanted.get(name) ?? []))];
    if (uris.length > 0 && suites.length > 0) kept.push({ ...source, uris, suites });
  }
  return kept;
}

/** The deb822 text of sources; apt and mmdebstrap read it. */
export function formatSources(sources: readonly AptSource[]): string {
  return sources.map(formatSource).join('\n');
}

function formatSource(source: AptSource): string {
  const lines = [
    'Types: deb',
    `URIs: ${source.uris.join(' ')}`,
    `Suites: ${source.suites.join(' ')}`,
    `Components: ${source.components.join(' ')}`,
  ];
  for (const [name, value] of source.options) lines.push(`${name}: ${value}`);
  if (source.signedBy !== undefined) lines.push(`Signed-By: ${source.signedBy}`);
  return `${lines.join('\n')}\n`;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** `check-valid-until` to `Check-Valid-Until`. */
function capitalised(name: string): string {
  return name.replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}
