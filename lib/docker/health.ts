import { ContainerHealthcheck } from '@cdktf/provider-docker/lib/container';
import { escapeTemplate } from '../core/escape';
import { HealthCheck } from '../core/health-check';
import { goDuration } from './duration';

/** Docker's form of a health check; undefined where there is none. */
export function dockerHealthCheck(check: HealthCheck): ContainerHealthcheck | undefined {
  if (check.noneReason !== undefined) return undefined;
  const test = check.test ?? ['sh', '-c', httpProbe(check.port!, check.path!, check.timeoutSeconds)];
  return {
    test: ['CMD', ...test.map(escapeTemplate)],
    interval: goDuration(check.intervalSeconds),
    timeout: goDuration(check.timeoutSeconds),
    // Failures while it starts do not count: the deploy's own time limit does.
    startPeriod: goDuration(check.startSeconds),
    retries: check.retries,
  };
}

/** Images differ in what they bring along; each has one of the three. */
function httpProbe(port: number, path: string, seconds: number): string {
  const url = `http://127.0.0.1:${port}${path}`;
  return [
    `if command -v wget >/dev/null; then exec wget -q -T ${seconds} -O /dev/null '${url}'`,
    `elif command -v curl >/dev/null; then exec curl -fsS -m ${seconds} -o /dev/null '${url}'`,
    `else exec python3 -c "import urllib.request; urllib.request.urlopen('${url}', timeout=${seconds})"; fi`,
  ].join('; ');
}
