const PLAIN_KEYS = new Set(['file', 'permissions', 'source', 'source_hash', 'username']);

/** Takes generated secrets out of text that other programs wrote, before it is shown. */
export class Mask {
  private readonly hidden = new Set<string>();

  /** Hides a value from now on, plain, in base64, in a URL and in JSON. Short ones would hide half of every line. */
  public add(value: string): void {
    if (value.length < 8) return;
    for (const text of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) this.hidden.add(text);
    const bytes = Buffer.from(value, 'utf8');
    this.hidden.add(bytes.toString('base64').replace(/=+$/, ''));
    this.hidden.add(bytes.toString('base64url'));
  }

  /** Hides what a Terraform state marks as sensitive: generated passwords, sensitive attributes and outputs. */
  public addState(state: unknown): void {
    if (typeof state !== 'object' || state === null) return;
    const { outputs = {}, resources = [] } = state as State;
    for (const output of Object.values(outputs)) if (output.sensitive === true) this.addAll(parsed(output.value));
    for (const resource of resources) {
      for (const { attributes = {}, sensitive_attributes: paths = [] } of resource.instances ?? []) {
        if (resource.type === 'random_password') this.addAll(attributes.result);
        for (const path of paths) this.addAll(attributes[path[0]?.value ?? '']);
      }
    }
  }

  /** The text without the values. */
  public apply(text: string): string {
    let masked = text;
    // Longest first, so that no part of a longer value stays behind.
    for (const value of [...this.hidden].sort((a, b) => b.length - a.length)) {
      masked = masked.split(value).join('********');
    }
    return masked;
  }

  private addAll(value: unknown): void {
    if (typeof value === 'string') this.add(value);
    else if (typeof value === 'object' && value !== null) {
      // Of an uploaded file the content is the secret, not its path.
      for (const [key, part] of Object.entries(value)) if (!PLAIN_KEYS.has(key)) this.addAll(part);
    }
  }
}

interface State {
  readonly outputs?: Record<string, { readonly sensitive?: boolean; readonly value?: unknown }>;
  readonly resources?: ReadonlyArray<{
    readonly type?: string;
    readonly instances?: ReadonlyArray<{
      readonly attributes?: Record<string, unknown>;
      readonly sensitive_attributes?: ReadonlyArray<ReadonlyArray<{ readonly value?: string }>>;
    }>;
  }>;
}

/** An output of JSON text holds several values. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
