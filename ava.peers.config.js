// The tests against programs that are not ours: `npm run test:peers`. They need Go, its module proxy, and root on
// Linux; KEPTN_DISTRIBUTOR may name a distributor of Keptn to run as well.
export default {
  files: ['test/peers/**/*.peer.ts'],
  typescript: { rewritePaths: { 'test/': 'dist/test/' }, compile: false },
  timeout: '10m',
}
