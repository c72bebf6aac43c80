import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Symbol {
  readonly type: string;
  readonly aliases?: readonly string[];
}

interface Type {
  readonly plugin: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly rejected?: Readonly<Record<string, string>>;
  readonly exactlyOneOf?: readonly string[];
}

interface Facts {
  readonly plugins: Readonly<Record<string, { readonly version: string; readonly requires: readonly string[] }>>;
  readonly roots: Readonly<Record<string, unknown>>;
  readonly het: Readonly<Record<string, Readonly<Record<string, Symbol>>>>;
  readonly types: Readonly<Record<string, Type>>;
}

/** What Jenkins' and its plugins' sources say that Configuration as Code accepts. */
export const facts = JSON.parse(readFileSync(join(__dirname, '../fixtures/jenkins/jcasc-facts.json'), 'utf8')) as Facts;

/** What {@link conform} found. */
export interface Conformance {
  /** Path and problem of every key and value that would keep Jenkins from starting. */
  readonly problems: string[];
  /** Plugins whose code reads the configuration. */
  readonly plugins: Set<string>;
  /** How many keys were compared. */
  readonly keys: number;
}

/** Compares every key and value of a configuration with the facts. */
export function conform(configuration: unknown): Conformance {
  const walk = new Walk();
  walk.roots(configuration);
  return walk;
}

type Mapping = Record<string, unknown>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

class Walk implements Conformance {
  public readonly problems: string[] = [];
  public readonly plugins = new Set<string>(['configuration-as-code']);
  public keys = 0;

  public roots(configuration: unknown): void {
    for (const [key, value] of this.entries('', configuration)) {
      if (key.startsWith('x-')) continue;
      const root = facts.roots[key];
      if (root === undefined) {
        this.problems.push(`${key}: not known`);
      } else if (key === 'jobs') {
        this.jobs(value, root as { plugin: string; oneKeyOf: string[] });
      } else if (typeof (root as Symbol).type === 'string') {
        this.object(key, value, (root as Symbol).type);
      } else {
        for (const [name, inner] of this.entries(key, value)) {
          const symbol = (root as Record<string, Symbol>)[name];
          if (symbol === undefined) this.problems.push(`${key}.${name}: not known`);
          else this.object(`${key}.${name}`, inner, symbol.type);
        }
      }
    }
  }

  private jobs(value: unknown, root: { plugin: string; oneKeyOf: string[] }): void {
    this.plugins.add(root.plugin);
    for (const [index, job] of (Array.isArray(value) ? value : []).entries()) {
      for (const [key] of this.entries(`jobs[${index}]`, job)) {
        if (!root.oneKeyOf.includes(key)) this.problems.push(`jobs[${index}].${key}: not known`);
      }
    }
  }

  private object(path: string, value: unknown, typeName: string): void {
    const type = facts.types[typeName];
    if (type === undefined) {
      this.problems.push(`${path}: the facts have no type ${typeName}`);
      return;
    }
    if (type.plugin !== '(core)') this.plugins.add(type.plugin);
    const entries = this.entries(path, value ?? {});
    if (type.exactlyOneOf !== undefined && entries.filter(([key]) => type.exactlyOneOf!.includes(key)).length !== 1) {
      this.problems.push(`${path}: wants exactly one of ${type.exactlyOneOf.join(', ')}`);
    }
    for (const [key, inner] of entries) {
      const rejected = type.rejected?.[key];
      const attribute = type.attrs[key];
      if (rejected !== undefined) this.problems.push(`${path}.${key}: rejected (${rejected})`);
      else if (attribute === undefined) this.problems.push(`${path}.${key}: not known to ${typeName}`);
      else this.value(`${path}.${key}`, inner, attribute);
    }
  }

  private value(path: string, value: unknown, type: string): void {
    const list = /^list<(.*)>$/.exec(type);
    if (list !== null) {
      if (!Array.isArray(value)) this.problems.push(`${path}: wants a list`);
      else value.forEach((item, index) => this.value(`${path}[${index}]`, item, list[1]));
      return;
    }
    const [kind, argument] = type.split(/:(.*)/s);
    if (kind === 'obj') this.object(path, value, argument);
    else if (kind === 'het') this.choice(path, value, argument);
    else if (kind === 'enum' || kind === 'symbol') {
      if (!argument.split('|').includes(value as string))
        this.problems.push(`${path}: ${value} is none of ${argument}`);
    } else {
      const wanted = { bool: 'boolean', int: 'number', float: 'number' }[kind] ?? 'string';
      if (typeof value !== wanted) this.problems.push(`${path}: ${JSON.stringify(value)} is no ${kind}`);
    }
  }

  /** One of several implementations: its symbol alone, or a mapping with the symbol as its one key. */
  private choice(path: string, value: unknown, extensionPoint: string): void {
    const entries: [string, unknown][] = typeof value === 'string' ? [[value, {}]] : this.entries(path, value);
    if (entries.length !== 1) this.problems.push(`${path}: wants one key, the implementation's symbol`);
    for (const [symbol, inner] of entries) {
      const found = facts.het[extensionPoint]?.[symbol];
      if (found === undefined) this.problems.push(`${path}.${symbol}: no ${extensionPoint} has this symbol`);
      else this.object(`${path}.${symbol}`, inner, found.type);
    }
  }

  private entries(path: string, value: unknown): [string, unknown][] {
    if (!isMapping(value)) {
      this.problems.push(`${path}: wants a mapping`);
      return [];
    }
    const entries = Object.entries(value);
    this.keys += entries.length;
    return entries;
  }
}
