// apt's settings of this machine that decide how a mirror is reached and how old its lists may be.

export interface AptSetting {
  readonly name: string;
  readonly value: string;
}

/** Parses `apt-config dump`: lines of `Name "value";`. Empty values are left out. */
export function parseAptConfig(dump: string): AptSetting[] {
  const settings: AptSetting[] = [];
  for (const line of dump.split('\n')) {
    const match = /^(?<name>[A-Za-z0-9:._/-]+) "(?<value>[^"]+)";$/.exec(line)?.groups;
    if (match !== undefined) settings.push({ name: match.name ?? '', value: match.value ?? '' });
  }
  return settings;
}

/** What the build of a base image needs to reach the mirror as this machine does. */
export function transportSettings(settings: readonly AptSetting[]): AptSetting[] {
  return settings.filter(({ name }) => /^Acquire::(https?::.*|Check-Valid-Until|Check-Date|Retries)$/i.test(name));
}

/** What goes on to derived builds inside the image: how old lists may be, never a proxy or a credential. */
export function imageSettings(settings: readonly AptSetting[]): AptSetting[] {
  return settings.filter(({ name }) => /^Acquire::(Check-Valid-Until|Check-Date)$/i.test(name));
}

export function formatAptSetting(setting: AptSetting): string {
  return `${setting.name} "${setting.value}";`;
}
