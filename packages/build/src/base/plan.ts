// What a base image will be made of: pure decisions on what the machine told.
import { BuildError } from '../error.ts';
import { type AptSetting, formatAptSetting, imageSettings, transportSettings } from './apt-settings.ts';
import type { Machine } from './machine.ts';
import { basePackages, ociArchitecture } from './packages.ts';
import { type AptSource, formatSources, sourcesOfSuite } from './sources.ts';

export interface BasePlan {
  readonly suite: string;
  readonly distribution: string;
  /** Debian's name. */
  readonly architecture: string;
  /** OCI's name. */
  readonly ociArchitecture: string;
  readonly packages: readonly string[];
  /** deb822 text, for mmdebstrap and for the image's own apt. */
  readonly sources: string;
  /** Keyrings on this machine that the sources name by path. */
  readonly keyrings: readonly string[];
  /** apt.conf text for the image. */
  readonly imageAptConfiguration: string;
}

/** Throws APT_SOURCES_UNUSABLE where the machine's apt has no source of the suite. */
export function planBase(machine: Machine, suite: string): BasePlan {
  const sources = sourcesOfSuite(machine.sources, machine.suite, suite);
  if (sources.length === 0) {
    throw new BuildError(
      'APT_SOURCES_UNUSABLE',
      `apt on this machine has no network source of ${machine.suite} to take ${suite} from; add one to /etc/apt/sources.list.d`,
    );
  }
  return {
    suite,
    distribution: machine.distribution,
    architecture: machine.architecture,
    ociArchitecture: ociArchitecture(machine.architecture),
    packages: basePackages(machine.distribution, machine.architecture),
    sources: formatSources(sources),
    keyrings: keyringsOf(sources),
    imageAptConfiguration: imageSettings(machine.settings)
      .map((setting) => `${formatAptSetting(setting)}\n`)
      .join(''),
  };
}

function keyringsOf(sources: readonly AptSource[]): string[] {
  const paths = sources
    .flatMap((source) => (source.signedBy ?? '').split(/[\s,]+/))
    .filter((word) => word.startsWith('/'));
  return [...new Set(paths)];
}

/** mmdebstrap's arguments that carry a plan. `sourcesFile` holds the plan's sources. */
export function mmdebstrapArguments(
  plan: BasePlan,
  settings: readonly AptSetting[],
  target: string,
  sourcesFile: string,
): string[] {
  return [
    '--mode=root',
    '--variant=apt',
    '--format=directory',
    `--architectures=${plan.architecture}`,
    `--include=${plan.packages.join(',')}`,
    ...transportSettings(settings).map((setting) => `--aptopt=${formatAptSetting(setting)}`),
    '--aptopt=Acquire::Languages "none";',
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
    plan.suite,
    target,
    sourcesFile,
  ];
}

/** The same as the overlay's etc/dpkg/dpkg.cfg.d/varve, which takes over in derived builds. */
const dpkgOptions = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/lintian/*',
  'path-exclude=/usr/share/locale/*/LC_MESSAGES/*',
  'path-exclude=/usr/share/bash-completion/*',
  'path-exclude=/usr/share/zsh/*',
  'force-unsafe-io',
];
