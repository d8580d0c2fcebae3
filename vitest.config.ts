import { defineConfig } from 'vitest/config';
import { browserProject, hasBrowser, nodeProject } from './vitest.base';

export default defineConfig({
  test: {
    projects: hasBrowser ? [nodeProject, browserProject] : [nodeProject],
    reporters: ['default', './tools/test-kit/src/reporter.ts'],
  },
});
