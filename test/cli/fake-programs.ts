import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a fake program does for arguments that match. */
export interface Answer {
  /** Tried in their order against the arguments, joined by spaces; what bash knows of regular expressions. */
  readonly match: RegExp;
  readonly stdout?: string;
  readonly stderr?: string;
  /** @default 0 */
  readonly code?: number;
  /** Shell that runs first; only builtins, and programs by their full path. */
  readonly script?: string;
}

/** Programs of our own on the PATH, in the place of docker, terraform and others; nothing else is found there. */
export class FakePrograms {
  public readonly directory = mkdtempSync(join(tmpdir(), 'cdktf-mlops-fakes-'));
  private readonly path = process.env.PATH;

  /** @param keepPath leave the programs of the machine where they are, behind the fakes */
  constructor(keepPath = false) {
    process.env.PATH = keepPath ? `${this.directory}:${this.path}` : this.directory;
  }

  /** Makes or replaces a program. What no answer matches ends with 97 and says so. */
  public add(name: string, answers: readonly Answer[]): void {
    const file = join(this.directory, name);
    const rules = answers.map(
      ({ match, stdout = '', stderr = '', code = 0, script = '' }) => `
re=${quote(match.source)}
if [[ $args =~ $re ]]; then
  code=${code} stdout=${quote(stdout)} stderr=${quote(stderr)}
  ${script}
  printf '%s' "$stderr" >&2
  printf '%s' "$stdout"
  exit "$code"
fi`,
    );
    writeFileSync(
      file,
      `#!/bin/bash
args="$*"
printf '%s\\n' "$args" >> ${quote(join(this.directory, `${name}.calls`))}
${rules.join('')}
printf 'fake ${name} has no answer to: %s' "$args" >&2
exit 97
`,
    );
    chmodSync(file, 0o755);
  }

  /** The arguments of every call so far. */
  public calls(name: string): string[] {
    const file = join(this.directory, `${name}.calls`);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  /** Puts the PATH back. */
  public restore(): void {
    process.env.PATH = this.path;
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function quote(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}

/** A progress that keeps its lines. */
export class Lines {
  public readonly text: string[] = [];
  public write(line: string): void {
    this.text.push(line);
  }
}
