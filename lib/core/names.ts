import { createHash } from 'node:crypto';
import { TerraformStack } from 'cdktf';
import { IConstruct } from 'constructs';
import { check } from './errors';

/** Ids that cdktf and constructs hide from readable ids. */
const HIDDEN = new Set(['Default', 'Resource']);

/** A name that DNS, Docker and Kubernetes all take: RFC 1123 label. */
export const LABEL_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** RFC 1123: a label has at most 63 characters. */
export const MAX_NAME = 63;

/**
 * The path of a construct below its stack, in the form that names and labels use: `registry/database`.
 * An outermost construct named like its environment adds nothing and is left out.
 */
export function componentPath(scope: IConstruct, environment: string): string {
  const stack = TerraformStack.of(scope);
  const below = scope.node.scopes
    .slice(scope.node.scopes.indexOf(stack) + 1)
    .map((s) => s.node.id)
    .filter((id) => !HIDDEN.has(id));
  if (below[0] === environment) below.shift();
  for (const id of below) {
    check(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id),
      scope,
      'id',
      id,
      "begin it with a letter or digit and go on with letters, digits, '.', '_' and '-': names and labels are made of it",
    );
  }
  return below.join('/');
}

/**
 * The one place where physical names are made: environment and parts, joined with `-`, in lower case.
 *
 * The same input gives the same name. A name over `max` characters is cut and ends in eight hex digits of a hash of the
 * whole, so that two long names that differ only at their ends stay apart.
 */
export function physicalName(environment: string, parts: readonly string[], max = MAX_NAME): string {
  const full = [environment, ...parts]
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (full.length <= max) return full;
  const hash = shortHash(full);
  return `${full.slice(0, max - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}

/** Eight hex digits of the SHA-256 of a text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Refuses what is not an RFC 1123 label. */
export function checkLabel(scope: IConstruct | string, prop: string, value: string): void {
  check(
    typeof value === 'string' && LABEL_PATTERN.test(value) && value.length <= MAX_NAME,
    scope,
    prop,
    value,
    `use lower-case letters, digits and '-', beginning and ending with a letter or digit, ${MAX_NAME} characters at most`,
  );
}
