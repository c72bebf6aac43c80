'use strict';

/** Loaded before a program that is measured: reports its cost on file descriptor 3 when it ends. */
const { writeSync } = require('node:fs');

const cpu = process.cpuUsage();
const started = process.hrtime.bigint();

process.on('exit', () => {
  const wallMs = Number(process.hrtime.bigint() - started) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  const peakMegabytes = process.resourceUsage().maxRSS / 1024;
  writeSync(3, JSON.stringify({ wallMs, cpuMs: (user + system) / 1e3, peakMegabytes }));
});
