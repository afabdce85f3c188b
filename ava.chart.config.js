// The tests of the chart and the image: `npm run test:chart`. They need helm, and those of the image root on Linux.
export default {
  files: ['test/chart/**/*.chart.ts'],
  typescript: { rewritePaths: { 'test/': 'dist/test/' }, compile: false },
  timeout: '3m',
}
