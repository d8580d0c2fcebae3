/**
 * How a changeset becomes an entry of a CHANGELOG: its own text, which is written for users. No commit hashes, which
 * say nothing to them, and no calls of a hosting service, so that a release can be tried offline.
 */
module.exports = {
  getReleaseLine: async ({ summary }) => `- ${summary.trim().replaceAll('\n', '\n  ')}`,
  getDependencyReleaseLine: async (_changesets, dependencies) =>
    dependencies.length === 0
      ? ''
      : `- Needs ${dependencies.map(({ name, newVersion }) => `${name} ${newVersion}`).join(', ')}.`,
};
