import { IConstruct } from 'constructs';
import { check } from '../../core/errors';

/** Names that the base configuration and a release's part of it share. */
export const DEFAULTS_NAME = 'gateway';
export const RESOLVERS_NAME = 'platform';
export const RELEASE_BACKEND = 'release';
export const USERS_TABLE = 'users';

const NAME = /^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$/;
const VERSION = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const HOST = /^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$/;
const PATH = /^\/[-A-Za-z0-9._/]+$/;

/**
 * Refuses what can't be a model's name. It stands in HAProxy's configuration unquoted, in the name of a section and in
 * paths, so nothing else may come through.
 */
export function checkModelName(scope: IConstruct | string, prop: string, value: unknown): void {
  check(
    typeof value === 'string' && value.length <= 63 && NAME.test(value),
    scope,
    prop,
    value,
    "must be 1 to 63 of a-z, 0-9, '-', '.' and '_', beginning and ending with a letter or digit",
  );
}

/** Refuses what can't be a version: a server is named after it, and what stands behind a `_` is the replica's number. */
export function checkVersion(scope: IConstruct | string, prop: string, value: unknown): void {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  check(
    typeof text === 'string' && text.length <= 63 && VERSION.test(text),
    scope,
    prop,
    value,
    "must be 1 to 63 of a-z, 0-9, '-' and '.', beginning and ending with a letter or digit",
  );
}

/** Refuses what is neither a host's name nor an IPv4 address. */
export function checkHost(scope: IConstruct | string, prop: string, value: unknown): void {
  check(
    typeof value === 'string' && value.length <= 253 && HOST.test(value),
    scope,
    prop,
    value,
    'must be the name or the IPv4 address of a host',
  );
}

/** Refuses a path that is relative or holds anything that HAProxy would read as syntax. */
export function checkPath(scope: IConstruct | string, prop: string, value: unknown): void {
  check(
    typeof value === 'string' && PATH.test(value),
    scope,
    prop,
    value,
    "must be an absolute path of letters, digits, '-', '.', '_' and '/'",
  );
}

/**
 * JSON as a single-quoted HAProxy argument. Strong quotes switch off every escape and variable but can't hold a single
 * quote, which is therefore written as JSON's own escape.
 */
export function jsonString(value: object): string {
  return `'${JSON.stringify(value).replace(/'/g, '\\u0027')}'`;
}
