import { CommandError, EXIT } from './command-error';
import { ContainerInfo, Docker } from './docker';
import { copyUploads, createArguments } from './docker-train';
import { JobLog, JobResult, JobRun } from './jobs';
import { lastLines } from './process';
import { Progress } from './progress';

/** Runs a declared job once, in a container made from the declaration, and removes it. */
export async function runJobOnDocker(
  docker: Docker,
  progress: Progress,
  template: ContainerInfo,
  options: JobRun,
): Promise<JobResult> {
  const name = `${template.Name}-run-${Date.now().toString(36)}`;
  const created = await docker.run(['create', '--name', name, ...createArguments(template, options.args)]);
  if (created.code !== 0) {
    throw new CommandError(`a run of '${options.component}' could not be created`, {
      log: lastLines(created.stderr, 5),
    });
  }
  let interrupted = false;
  const stop = (): void => {
    if (interrupted) return;
    interrupted = true;
    progress.line('interrupted: stopping the run');
    void docker.run(['stop', name], { detached: true });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    await copyUploads(docker, template, name);
    return await progress.step(options.title, async (step) => {
      await docker.out(['start', name]);
      const log = new JobLog(options.log);
      await docker.run(['logs', '--follow', name], {
        discard: true,
        detached: true,
        onLine: (line) => {
          step.lastHeard = Date.now();
          log.line(line);
        },
      });
      const exitCode = Number((await docker.out(['wait', name], { detached: true })).trim());
      step.outcome = exitCode === 0 ? 'done' : `exit code ${exitCode}`;
      const state = (await docker.inspect([name]))[0]?.State;
      if (state?.OOMKilled === true) options.log('killed for lack of memory: raise the memory limit of the job');
      return { exitCode: interrupted ? EXIT.INTERRUPTED : exitCode, report: log.report };
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await docker.run(['rm', '--force', '--volumes', name], { detached: true });
  }
}
