import { Password } from '@cdktf/provider-random/lib/password';
import { RandomProvider } from '@cdktf/provider-random/lib/provider';
import { DefaultTokenResolver, Fn, StringConcat, TerraformStack, TerraformVariable, Token, Tokenization } from 'cdktf';
import { Construct, IConstruct } from 'constructs';
import { check } from './errors';
import { checkLabel } from './names';
import { overrideProviderSource } from './providers';
import { checkWhole } from './quantity';

/** Options of {@link Secret.generated}. */
export interface GeneratedSecretOptions {
  /** Characters (letters and digits). @default 32 */
  readonly length?: number;
  /** Change it to get a new value: any text, for example a date. @default - kept for ever */
  readonly rotation?: string;
}

/**
 * A value that nobody may read in a synthesised file, a plan, a log, an image or a command line. It reaches a workload
 * as a file that only the workload's user can read.
 */
export class Secret extends Construct {
  /** A random value, made at the first deploy and kept in the state. */
  public static generated(scope: Construct, id: string, options: GeneratedSecretOptions = {}): Secret {
    const length = options.length ?? 32;
    const secret = new Secret(scope, id);
    checkWhole(secret, 'length', length, 16, 256);
    ensureRandomProvider(secret);
    const password = new Password(secret, 'Resource', {
      length,
      special: false, // so that it stands in a URL, an INI file and a shell word as it is
      keepers: options.rotation === undefined ? undefined : { rotation: options.rotation },
    });
    secret.token = password.result;
    return secret;
  }

  /**
   * A value handed in at deploy time as a sensitive Terraform variable (`TF_VAR_<name>`, a `.tfvars` file, or a
   * workspace variable). It has no default: a deploy without it asks or fails.
   */
  public static fromVariable(scope: Construct, id: string, description: string): Secret {
    const name = id.replace(/[^A-Za-z0-9_]/g, '_');
    const taken = TerraformStack.of(scope)
      .node.findAll()
      .some((other) => other instanceof TerraformVariable && other.friendlyUniqueId === name);
    const secret = new Secret(scope, id);
    check(!taken, secret, 'id', id, `the stack has a variable '${name}' already: give this one another id`);
    const variable = new TerraformVariable(secret, 'Resource', { type: 'string', sensitive: true, description });
    variable.overrideLogicalId(name);
    secret.token = variable.stringValue;
    return secret;
  }

  /**
   * An attribute of another resource or data source, for example of a secret manager's provider.
   *
   * @throws when it is a literal: a literal would stand in the synthesised file
   */
  public static fromToken(scope: Construct, id: string, token: string): Secret {
    const secret = new Secret(scope, id);
    check(
      Token.isUnresolved(token),
      secret,
      'token',
      '(a literal, not shown)',
      'hand in an attribute of a resource, or use Secret.generated or Secret.fromVariable; a literal would be written to the synthesised file',
    );
    secret.token = token;
    return secret;
  }

  /**
   * A text with secrets in it, such as a file of tokens: each `{name}` of the template is replaced.
   *
   * @throws when the template names no secret, or one that is not given
   */
  public static fromTemplate(scope: Construct, id: string, template: string, secrets: Record<string, Secret>): Secret {
    const secret = new Secret(scope, id);
    checkSecrets(secret, 'secrets', secrets);
    check(
      /\{[a-z0-9-]+\}/.test(template),
      secret,
      'template',
      '(a literal, not shown)',
      'name at least one secret in it as {name}; a literal would be written to the synthesised file',
    );
    // Text and names take turns. Joined by Terraform: cdktf can't hand a text with tokens in it to a function.
    const parts = template.split(/\{([a-z0-9-]+)\}/).map((part, index) => {
      if (index % 2 === 0) return part;
      check(Object.hasOwn(secrets, part), secret, 'template', part, `use one of: ${Object.keys(secrets).join(', ')}`);
      return secrets[part].value;
    });
    secret.token = Fn.join(
      '',
      parts.filter((part) => part !== ''),
    );
    return secret;
  }

  private token = '';

  private constructor(scope: Construct, id: string) {
    super(scope, id);
  }

  /** The value as a Terraform expression: only for attributes that Terraform marks as sensitive. */
  public get value(): string {
    return this.token;
  }
}

/** Refuses file names that are no labels, and values that are no secrets; the value is never shown. */
export function checkSecrets(scope: IConstruct | string, prop: string, secrets: Record<string, Secret>): void {
  for (const [name, secret] of Object.entries(secrets)) {
    checkLabel(scope, prop, name);
    check(
      // A second copy of this library makes secrets too, so that its class is not asked for.
      Construct.isConstruct(secret) && typeof (secret as Secret).value === 'string',
      scope,
      `${prop}.${name}`,
      '(a literal, not shown)',
      'give Secret.generated, Secret.fromVariable or Secret.fromToken; a literal would be written to the synthesised file',
    );
  }
}

/**
 * Refuses a text that holds a secret's value, where everybody may read the text: command lines, environments, ordinary
 * files.
 */
export function checkNoSecret(scope: IConstruct, prop: string, text: string): void {
  if (!Token.isUnresolved(text)) return;
  const expand = (value: string): string =>
    JSON.stringify(
      Tokenization.resolve(value, { scope, resolver: new DefaultTokenResolver(new StringConcat()), preparing: false }),
    );
  const expanded = expand(text);
  for (const secret of TerraformStack.of(scope).node.findAll()) {
    if (!(secret instanceof Secret)) continue;
    for (const [, reference] of expand(secret.value).matchAll(/\$\{([^{}]+)\}/g)) {
      const behind = expanded.split(reference).slice(1);
      check(
        behind.every((rest) => /^[\w-]/.test(rest)),
        scope,
        prop,
        `the secret ${secret.node.path}`,
        "hand it over as a file: give it as one of the 'secrets'",
      );
    }
  }
}

function ensureRandomProvider(scope: IConstruct): void {
  const stack = TerraformStack.of(scope);
  if (stack.node.tryFindChild('random') !== undefined) return;
  new RandomProvider(stack, 'random');
  overrideProviderSource(stack, 'random');
}
