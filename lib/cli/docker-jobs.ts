import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from './command-error';
import { ContainerInfo, Docker, LABEL, label } from './docker';
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

/** How long something that is started again may take. */
const START_MS = 10 * 60_000;

/**
 * Starts a workload or a task again, and waits until the one is healthy, or the other has done its work.
 *
 * @throws CommandError with its last words when it does not come to that
 */
export async function startContainerAgain(docker: Docker, container: ContainerInfo): Promise<void> {
  const { Name } = container;
  await docker.out(['restart', Name]);
  const began = Date.now();
  while (Date.now() - began < START_MS) {
    const [now] = await docker.inspect([Name]);
    if (now === undefined || (!now.State.Running && now.State.ExitCode !== 0)) break;
    if (label(container, LABEL.KIND) === 'task' ? await taskIsDone(docker, now) : isHealthy(now)) return;
    await sleep(500);
  }
  throw new CommandError(`${Name} did not come back after it was started again`, {
    log: await docker.lastLog(Name, 5),
    remedy: `read all of its log (\`docker logs ${Name}\`), mend what it names, then \`docker restart ${Name}\`.`,
  });
}

function isHealthy({ State: state }: ContainerInfo): boolean {
  return state.Running && (state.Health === undefined || state.Health.Status === 'healthy');
}

/** The mark that a task leaves when it is done stays from its last run: the time of it counts. */
async function taskIsDone(docker: Docker, { Name, State, Config }: ContainerInfo): Promise<boolean> {
  if (!State.Running) return State.ExitCode === 0;
  const mark = (Config.Healthcheck as { readonly Test: readonly string[] }).Test.at(-1)!;
  const made = await docker.run(['exec', Name, 'stat', '-c', '%Y', mark]);
  return made.code === 0 && Number(made.stdout) >= Math.floor(Date.parse(State.StartedAt) / 1000);
}
