import { readFileSync } from 'node:fs';
import { IConstruct } from 'constructs';
import { check } from './errors';
import { escapeTemplate } from './escape';

const RELATIVE_PARTS = ['.', '..'];
const ABSOLUTE = /^\/(?:[\w.@-]+\/)*[\w.@-]+$/;

/** Refuses what is not a plain absolute path. */
export function checkAbsolutePath(where: string, prop: string, path: string): void {
  check(
    typeof path === 'string' && ABSOLUTE.test(path) && !path.split('/').some((part) => RELATIVE_PARTS.includes(part)),
    where,
    prop,
    path,
    "write an absolute path of letters, digits, '_', '.', '@' and '-', without '.' and '..' as parts",
  );
}

/** Refuses what can't be a text file's content: Docker's provider can't place an empty file. */
export function checkContent(scope: IConstruct | string, prop: string, content: string): void {
  check(typeof content === 'string' && content !== '', scope, prop, content, 'give a text that is not empty');
  check(!content.includes('\u0000'), scope, prop, content, 'leave out NUL characters');
}

/** Options of a {@link ConfigFile}. */
export interface ConfigFileOptions {
  /** The file may be run. @default false */
  readonly executable?: boolean;
}

/** An ordinary file in a workload; its content stands readable in plans. Never put a secret in it. Immutable. */
export class ConfigFile {
  /**
   * A file with this text. Terraform's template signs in it are escaped; tokens stay.
   *
   * @throws when the path is not a plain absolute one, or the text is empty
   */
  public static text(path: string, content: string, options: ConfigFileOptions = {}): ConfigFile {
    checkAbsolutePath('ConfigFile.text', 'path', path);
    checkContent('ConfigFile.text', `content of ${path}`, content);
    return new ConfigFile(path, escapeTemplate(content), options.executable ?? false);
  }

  /** A file with the content of a UTF-8 file, read at synth. */
  public static fromLocalFile(path: string, localFile: string, options: ConfigFileOptions = {}): ConfigFile {
    return ConfigFile.text(path, readFileSync(localFile, 'utf8'), options);
  }

  private constructor(
    /** Absolute path in the workload. */
    public readonly path: string,
    /** Text with Terraform's template signs escaped. */
    public readonly content: string,
    public readonly executable: boolean,
  ) {}
}
