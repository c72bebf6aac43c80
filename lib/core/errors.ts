import { IConstruct } from 'constructs';

/**
 * A construct was given something that it can't be built from.
 *
 * The message names the construct's path, the prop, the value it got and what is wanted instead, so that the line to
 * change can be found without a stack trace.
 */
export class ValidationError extends Error {
  constructor(scope: IConstruct | string, prop: string, got: unknown, want: string) {
    const where = typeof scope === 'string' ? scope : scope.node.path || scope.node.id;
    super(`${where}: '${prop}' ${got instanceof Said ? got.text : `is ${show(got)}`}; ${want}`);
    this.name = 'ValidationError';
  }
}

/** In the place of a value, what is wrong with a prop when it is not its value: `is not a known key`. */
export class Said {
  constructor(public readonly text: string) {}
}

/** For a key that is not one of those that there are. */
export const UNKNOWN_KEY = new Said('is not a known key');

/** Throws a ValidationError unless the condition holds. */
export function check(
  condition: boolean,
  scope: IConstruct | string,
  prop: string,
  got: unknown,
  want: string,
): asserts condition {
  if (!condition) throw new ValidationError(scope, prop, got, want);
}

/**
 * Refuses keys that a set of props does not have: plain JavaScript, JSON and Python callers get no compiler's help.
 */
export function checkKeys(scope: IConstruct | string, prop: string, value: object, known: readonly string[]): void {
  check(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    scope,
    prop,
    value,
    `give an object with some of: ${known.join(', ')}`,
  );
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new ValidationError(scope, `${prop}.${key}`, UNKNOWN_KEY, `use one of: ${known.join(', ')}`);
    }
  }
}

/** Undefined for what has no JSON: functions, and objects that contain themselves, as constructs do. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  const text = json(value) ?? (typeof value === 'object' ? 'an object' : String(value));
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
