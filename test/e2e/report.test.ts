import { CheckFailed, expect as demand, Report, RunEnded } from './report';

describe('Report', () => {
  let lines: string[];
  let report: Report;
  beforeEach(() => {
    lines = [];
    report = new Report((line) => lines.push(line));
  });

  test('numbers what passes and what fails, goes on after a failure, and counts', async () => {
    await report.check('first', async () => '3 of 3');
    await report.check('second', async () => {
      demand(false, 'too few');
      return '';
    });
    await report.check('third', async () => Promise.reject(new TypeError('broken')));
    expect(lines[0]).toMatch(/^ 1 {2}ok {6}first: 3 of 3 \(\d+\.\d s\)$/);
    expect(lines[1]).toMatch(/^ 2 {2}FAILED {2}second: too few \(/);
    expect(lines[2]).toMatch(/^ 3 {2}FAILED {2}third: TypeError: broken/);
    expect(report.end()).toBe(1);
    expect(lines[lines.length - 1]).toBe('1 passed, 2 failed');
  });

  test('ends with what everything else needs', async () => {
    const failing = report.check('deploy', async () => Promise.reject(new CheckFailed('no Docker')), true);
    await expect(failing).rejects.toThrow(new RunEnded("everything that follows needs 'deploy'"));
    expect(report.end()).toBe(1);
  });

  test('is not passed when nothing was checked', () => {
    expect(report.end()).toBe(1);
  });
});
