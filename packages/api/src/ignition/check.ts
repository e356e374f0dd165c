// Rules of an Ignition section in a MachineConfig: its shape, and what a running host cannot follow. Everything is
// checked before anything is stored or sent, so that a host never meets half of a config.
import { ApiError } from '../error.ts';
import { kernelArgumentProblem } from '../kernel-argument.ts';
import type { FieldError } from '../resource.ts';
import { readContents } from './contents.ts';
import { hasControlCharacter, pathProblem } from './path.ts';
import {
  type IgnitionConfig,
  type IgnitionFile,
  type IgnitionLink,
  type IgnitionUnit,
  ignitionSchema,
  ignitionVersions,
  withoutNulls,
} from './schema.ts';

/** Sections that change a machine only while it is installed, with what to do instead. */
const unsupported: readonly (readonly [path: readonly string[], instead: string])[] = [
  [['ignition', 'config', 'merge'], 'put the referenced configuration into a MachineConfig of its own'],
  [['ignition', 'config', 'replace'], 'put the referenced configuration into a MachineConfig of its own'],
  [['passwd', 'groups'], 'add the group in the Containerfile'],
  [['storage', 'disks'], 'the disk layout of a running host cannot change: reinstall it'],
  [['storage', 'filesystems'], 'the disk layout of a running host cannot change: reinstall it'],
  [['storage', 'luks'], 'the disk layout of a running host cannot change: reinstall it'],
  [['storage', 'raid'], 'the disk layout of a running host cannot change: reinstall it'],
];

/** Every violation in an Ignition configuration; `at` is its own path. An empty object is an absent section. */
export function ignitionProblems(value: unknown, at: string): FieldError[] {
  const config = withoutNulls(value);
  if (typeof config === 'object' && config !== null && Object.keys(config).length === 0) return [];
  const versionError = checkVersion(config, at);
  if (versionError) return [versionError];
  const parsed = ignitionSchema.safeParse(config);
  if (!parsed.success) {
    return parsed.error.issues.map((issue) => invalid(at + formatPath(issue.path), issue.message));
  }
  return [
    ...unsupportedSections(parsed.data, at),
    ...storageProblems(parsed.data, at),
    ...unitProblems(parsed.data.systemd?.units ?? [], `${at}.systemd.units`),
    ...userProblems(parsed.data, `${at}.passwd.users`),
    ...kernelArgumentProblems(parsed.data, `${at}.kernelArguments`),
  ];
}

function checkVersion(config: unknown, at: string): FieldError | undefined {
  const field = `${at}.ignition.version`;
  const version = lookUp(config, ['ignition', 'version']);
  if (version === undefined) {
    return { reason: 'FieldValueRequired', field, message: `must be one of ${ignitionVersions.join(', ')}` };
  }
  if (ignitionVersions.some((known) => known === version)) return undefined;
  const text = String(version).slice(0, 40);
  const advice = text.startsWith('2.') ? 'Ignition 2 is not read: convert it with ign-converter; ' : '';
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `"${text}" is not supported: ${advice}supported are ${ignitionVersions.join(', ')}`,
  };
}

function unsupportedSections(config: IgnitionConfig, at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [path, instead] of unsupported) {
    const value = lookUp(config, path);
    const empty =
      value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
    if (!empty)
      errors.push(forbiddenField(`${at}.${path.join('.')}`, `cannot be applied to a running host; ${instead}`));
  }
  for (const [index, file] of (config.storage?.files ?? []).entries()) {
    if (file.append?.length) {
      errors.push(
        forbiddenField(
          `${at}.storage.files[${index}].append`,
          'cannot be applied to a running host, which may have the lines already; give the whole file in contents',
        ),
      );
    }
  }
  return errors;
}

/** One path may be claimed once, and nothing may lie below a path that is not a directory. */
function storageProblems(config: IgnitionConfig, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const claimed = new Map<string, string>();
  const leaves = new Map<string, string>();
  const storage = config.storage ?? {};
  for (const kind of ['files', 'directories', 'links'] as const) {
    for (const [index, entry] of (storage[kind] ?? []).entries()) {
      const field = `${at}.storage.${kind}[${index}]`;
      const problem = pathProblem(entry.path);
      if (problem) errors.push(invalid(`${field}.path`, problem));
      const other = claimed.get(entry.path);
      if (other) {
        const message = `"${entry.path}" is already given by ${other}`;
        errors.push({ reason: 'FieldValueDuplicate', field: `${field}.path`, message });
      }
      claimed.set(entry.path, `${field}.path`);
      if (kind !== 'directories') leaves.set(entry.path, `${field}.path`);
      for (const owner of ['user', 'group'] as const) {
        if (entry[owner]?.id !== undefined && entry[owner]?.name !== undefined) {
          errors.push(invalid(`${field}.${owner}`, 'has both id and name; give one'));
        }
      }
    }
  }
  for (const [path, field] of claimed) {
    const above = ancestors(path).find((ancestor) => leaves.has(ancestor));
    if (above)
      errors.push(invalid(field, `"${path}" lies below "${above}", which ${leaves.get(above)} makes no directory`));
  }
  for (const [index, file] of (storage.files ?? []).entries())
    errors.push(...fileProblems(file, `${at}.storage.files[${index}]`));
  for (const [index, link] of (storage.links ?? []).entries())
    errors.push(...linkProblems(link, `${at}.storage.links[${index}]`));
  return errors;
}

function fileProblems(file: IgnitionFile, at: string): FieldError[] {
  try {
    readContents(file.contents);
    return [];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [invalid(`${at}.contents`, error.message.replace(/^contents: /, ''))];
  }
}

function linkProblems(link: IgnitionLink, at: string): FieldError[] {
  if (link.hard)
    return [forbiddenField(`${at}.hard`, 'hard links do not survive a new deployment; use a symbolic link')];
  if (!link.target)
    return [{ reason: 'FieldValueRequired', field: `${at}.target`, message: 'is what the link points to' }];
  if (hasControlCharacter(link.target)) return [invalid(`${at}.target`, 'holds a control character')];
  if (Buffer.byteLength(link.target) > 4095) return [invalid(`${at}.target`, 'is longer than 4095 bytes')];
  return [];
}

/** systemd.unit(5): names of at most 255 characters of this alphabet, ending in a unit type. */
const unitName = /^[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;
const dropinName = /^[A-Za-z0-9:_.\\@+-]+\.conf$/;

function unitProblems(units: readonly IgnitionUnit[], at: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Map<string, string>();
  for (const [index, unit] of units.entries()) {
    const field = `${at}[${index}]`;
    if (!unitName.test(unit.name) || unit.name.length > 255 || unit.name.startsWith('.')) {
      errors.push(invalid(`${field}.name`, `${JSON.stringify(unit.name.slice(0, 200))} is no systemd unit name`));
    }
    const other = names.get(unit.name);
    if (other)
      errors.push({ reason: 'FieldValueDuplicate', field: `${field}.name`, message: `is already given by ${other}` });
    names.set(unit.name, `${field}.name`);
    if (unit.contents?.includes('\0')) errors.push(invalid(`${field}.contents`, 'holds a NUL'));
    if (unit.mask && unit.enabled)
      errors.push(invalid(`${field}.enabled`, 'is true although mask is true; a masked unit cannot run'));
    errors.push(...dropinProblems(unit, field));
  }
  return errors;
}

function dropinProblems(unit: IgnitionUnit, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, dropin] of (unit.dropins ?? []).entries()) {
    const field = `${at}.dropins[${index}]`;
    if (!dropinName.test(dropin.name) || dropin.name.length > 255 || dropin.name.startsWith('.')) {
      errors.push(
        invalid(
          `${field}.name`,
          `${JSON.stringify(dropin.name.slice(0, 200))} is no drop-in name: it must end in .conf`,
        ),
      );
    }
    if (names.has(dropin.name)) {
      errors.push({
        reason: 'FieldValueDuplicate',
        field: `${field}.name`,
        message: `"${dropin.name}" is given twice`,
      });
    }
    names.add(dropin.name);
    if (dropin.contents?.includes('\0')) errors.push(invalid(`${field}.contents`, 'holds a NUL'));
  }
  return errors;
}

/** Only core's keys and password can change on a running host (machine-config-operator pkg/daemon/update.go, reconcilable). */
function userProblems(config: IgnitionConfig, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const known = new Set(['name', 'passwordHash', 'sshAuthorizedKeys']);
  for (const [index, user] of (config.passwd?.users ?? []).entries()) {
    const field = `${at}[${index}]`;
    if (user.name !== 'core') {
      errors.push(forbiddenField(`${field}.name`, 'must be core: other users are added in the Containerfile'));
    } else if (index > 0) {
      errors.push({ reason: 'FieldValueDuplicate', field: `${field}.name`, message: 'the user core is given twice' });
    }
    for (const [key, value] of Object.entries(user)) {
      const empty = Array.isArray(value) && value.length === 0;
      if (!known.has(key) && !empty) {
        errors.push(forbiddenField(`${field}.${key}`, 'cannot change on a running host; only keys and password can'));
      }
    }
    for (const [keyIndex, key] of (user.sshAuthorizedKeys ?? []).entries()) {
      if (key.trim() === '' || hasControlCharacter(key)) {
        errors.push(invalid(`${field}.sshAuthorizedKeys[${keyIndex}]`, 'must be one line, and not empty'));
      }
    }
    if (user.passwordHash !== undefined && !/^[!-9;-~]*$/.test(user.passwordHash)) {
      errors.push(invalid(`${field}.passwordHash`, 'is no crypt(5) hash: printable, without spaces and colons'));
    }
  }
  return errors;
}

function kernelArgumentProblems({ kernelArguments }: IgnitionConfig, at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['shouldExist', 'shouldNotExist'] as const) {
    for (const [index, argument] of (kernelArguments?.[list] ?? []).entries()) {
      const problem = kernelArgumentProblem(argument);
      if (problem) errors.push(invalid(`${at}.${list}[${index}]`, problem));
    }
  }
  return errors;
}

function ancestors(path: string): string[] {
  const result: string[] = [];
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1))
    result.push(path.slice(0, slash));
  return result;
}

function lookUp(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = new Map(Object.entries(current)).get(key);
  }
  return current;
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) text += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  return text;
}

function invalid(field: string, message: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message };
}

function forbiddenField(field: string, message: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message };
}
