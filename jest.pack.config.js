'use strict';

/** Packs the package, installs it outside of the repository and uses it there. */
module.exports = {
  ...require('./jest.config'),
  roots: ['<rootDir>/test'],
  testMatch: ['**/test/package.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 600_000,
};
