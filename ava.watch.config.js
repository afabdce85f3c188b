// The tests of rules and dashboards with a real Prometheus: `npm run test:watch`. They need `prometheus` and
// `promtool`, from PATH or from the folder that PROMETHEUS_BIN names; Debian's package `prometheus` has both.
export default {
  files: ['test/watch/**/*.watch.ts'],
  typescript: { rewritePaths: { 'test/': 'dist/test/' }, compile: false },
  timeout: '10m',
}
