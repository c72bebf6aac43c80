/** Words that are something else than text in YAML 1.1, 1.2 or both. */
const WORDS = /^(y|n|yes|no|on|off|true|false|null)$/i;

/** Characters that JSON leaves as they are and that a reader of YAML takes for line breaks, or refuses. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * Writes plain data as YAML that means the same to readers of YAML 1.1 and 1.2, since all text but plain
 * words is quoted: mappings without what is undefined, lists, texts, numbers, booleans and null.
 *
 * The package `yaml` takes longer to load and to write than all other work of a synth's monitoring together; it is for
 * reading, and in the tests it reads what this writes.
 */
export function toYaml(value: unknown): string {
  return `${isEmpty(value) ? scalar(value) : block(value as object, '')}\n`;
}

function block(value: object, indent: string): string {
  const lines = Array.isArray(value)
    ? // The first line of what is inside stands behind the dash.
      value.map((item) => `- ${isEmpty(item) ? scalar(item) : block(item as object, `${indent}  `)}`)
    : Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .map(([key, inner]) => {
          if (isEmpty(inner)) return `${text(key)}: ${scalar(inner)}`;
          return `${text(key)}:\n${indent}  ${block(inner as object, `${indent}  `)}`;
        });
  return lines.join(`\n${indent}`);
}

/** Whether a value stands on one line: a scalar, or a collection without content. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((inner) => inner === undefined) && !(Array.isArray(value) && value.length > 0);
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object' && value !== null) return '{}';
  return JSON.stringify(value ?? null);
}

function text(value: string): string {
  if (/^[A-Za-z_][\w-]*$/.test(value) && !WORDS.test(value)) return value;
  // An expression is full of double quotes; between single ones it can be read.
  if (/["\\]/.test(value) && /^[ -~]*$/.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value).replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
