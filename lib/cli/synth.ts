import { CommandError } from './command-error';
import { lastLines, run } from './process';
import { Progress } from './progress';
import { Project } from './project';
import { protectionContext } from './protection';
import { Supply } from './supply';

/**
 * Runs the project's program, which writes its stacks to the output directory, with the context of cdktf.json and of
 * the recorded supply.
 *
 * @throws CommandError with the program's own message when it refuses its input
 */
export async function synth(project: Project, supply: Supply | undefined, progress: Progress): Promise<void> {
  await progress.step('Synthesising', async () => {
    const result = await run(project.app, [], {
      cwd: project.root,
      shell: true,
      env: {
        CDKTF_OUTDIR: project.outDir,
        CDKTF_CONTEXT_JSON: JSON.stringify({ ...project.context, ...supply?.context, ...protectionContext(project) }),
      },
    });
    if (result.code === 0) return;
    const output = `${result.stdout}\n${result.stderr}`;
    const [message, ...details] = errorLines(output);
    throw new CommandError(message ?? `the program '${project.app}' ended with ${result.code}`, {
      log: message === undefined || process.env.DEBUG !== undefined ? lastLines(output, 20) : details,
      remedy: message === undefined ? undefined : 'correct what the message names; nothing was deployed.',
    });
  });
}

/** What an uncaught error says, which may be several lines, without the stack trace below it. */
function errorLines(output: string): string[] {
  const text = /^(?:Uncaught )?\w*Error: ([^]+)/m.exec(output)?.[1] ?? '';
  return text
    .split(/\n {4}at |\nNode\.js v/)[0]
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}
