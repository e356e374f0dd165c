// Flags of `varve up` about people: an OpenID Connect issuer, and which groups have which roles.
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { collect } from '../context.ts';
import { CliError } from '../error.ts';

export interface PeopleFlags {
  oidcIssuer?: string;
  oidcAudience?: string[];
  oidcUsernameClaim?: string;
  oidcUsernamePrefix?: string;
  oidcGroupsClaim?: string;
  oidcGroupsPrefix?: string;
  oidcCaFile?: string;
  grant?: string[];
}

export function addPeopleFlags(command: Command): Command {
  return command
    .option('--oidc-issuer <url>', 'accept ID tokens of this OpenID Connect issuer')
    .option('--oidc-audience <id>', 'for whom its tokens must be made out: our client id (repeatable)', collect)
    .option('--oidc-username-claim <claim>', 'what names the user (default: sub)')
    .option('--oidc-username-prefix <prefix>', 'put before it (default: oidc:)')
    .option('--oidc-groups-claim <claim>', 'what names the groups (default: groups)')
    .option('--oidc-groups-prefix <prefix>', 'put before each (default: oidc:)')
    .option('--oidc-ca-file <file>', "PEM of the authority of the issuer's certificate")
    .option('--grant <role=group>', 'give a group the role admin, operator or viewer (repeatable)', collect);
}

/** undefined without an issuer. @throws CliError USAGE */
export async function oidcOf(flags: PeopleFlags) {
  const { oidcIssuer: issuer, oidcAudience: audiences = [], oidcCaFile } = flags;
  if (issuer === undefined) return undefined;
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:') {
    throw new CliError('USAGE', `--oidc-issuer is an https URL; got ${issuer}`);
  }
  if (audiences.length === 0)
    throw new CliError('USAGE', '--oidc-issuer needs --oidc-audience: whose tokens are good?');
  const { oidcUsernameClaim, oidcUsernamePrefix, oidcGroupsClaim, oidcGroupsPrefix } = flags;
  return {
    issuer,
    audiences,
    ...(oidcUsernameClaim === undefined ? {} : { usernameClaim: oidcUsernameClaim }),
    ...(oidcUsernamePrefix === undefined ? {} : { usernamePrefix: oidcUsernamePrefix }),
    ...(oidcGroupsClaim === undefined ? {} : { groupsClaim: oidcGroupsClaim }),
    ...(oidcGroupsPrefix === undefined ? {} : { groupsPrefix: oidcGroupsPrefix }),
    ...(oidcCaFile === undefined ? {} : { ca: await readCa(oidcCaFile) }),
  };
}

const roles = ['admin', 'operator', 'viewer'] as const;
type Role = (typeof roles)[number];

/** @throws CliError USAGE */
export function grantsOf({ grant = [] }: PeopleFlags): Record<Role, string[]> {
  const grants: Record<Role, string[]> = { admin: [], operator: [], viewer: [] };
  for (const text of grant) {
    const [name, ...rest] = text.split('=');
    const role = roles.find((known) => known === name);
    const group = rest.join('=');
    if (role === undefined || group === '') {
      throw new CliError('USAGE', `--grant is ${roles.map((known) => `${known}=GROUP`).join(', ')}; got ${text}`);
    }
    grants[role].push(group);
  }
  return grants;
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('USAGE', `--oidc-ca-file ${file} cannot be read`, { cause: error });
  }
}
