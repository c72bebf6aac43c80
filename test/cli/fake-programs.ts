import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a fake program does for arguments that match. */
export interface Answer {
  /** Tried in their order against the arguments, joined by spaces. */
  readonly match: RegExp;
  readonly stdout?: string;
  readonly stderr?: string;
  /** @default 0 */
  readonly code?: number;
  /** JavaScript that runs first; may call `fs`. */
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
    const rules = answers.map((answer) => ({ ...answer, match: answer.match.source }));
    const file = join(this.directory, name);
    writeFileSync(
      file,
      `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2).join(' ');
fs.appendFileSync(${JSON.stringify(join(this.directory, `${name}.calls`))}, args + '\\n');
const rule = ${JSON.stringify(rules)}.find((candidate) => new RegExp(candidate.match).test(args));
if (rule === undefined) {
  process.stderr.write('fake ${name} has no answer to: ' + args);
  process.exit(97);
}
if (rule.script) eval(rule.script);
process.stderr.write(rule.stderr ?? '');
process.stdout.write(rule.stdout ?? '');
process.exitCode = rule.code ?? 0;
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

/** A progress that keeps its lines. */
export class Lines {
  public readonly text: string[] = [];
  public write(line: string): void {
    this.text.push(line);
  }
}
