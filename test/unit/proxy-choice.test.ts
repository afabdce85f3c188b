import test from 'ava'
import { proxyFor } from '../../src/domain/proxy-choice.ts'

const PROXY = 'http://proxy.example:3128'

function chosen(target: string, noProxy: string): boolean {
  return proxyFor(new URL(target), { httpsProxy: PROXY, httpProxy: PROXY, noProxy }) !== undefined
}

const CASES: readonly (readonly [target: string, noProxy: string, usesProxy: boolean])[] = [
  ['https://keptn.example/api', '', true],
  ['https://keptn.example/api', '*', false],
  ['https://keptn.example/api', 'keptn.example', false],
  ['https://api.keptn.example/', 'keptn.example', false],
  ['https://mykeptn.example/', 'keptn.example', true],
  ['https://keptn.example/', '.keptn.example', true],
  ['https://api.keptn.example/', '.keptn.example', false],
  ['https://api.keptn.example/', '*.keptn.example', false],
  ['https://API.Keptn.Example/', ' other , keptn.EXAMPLE ', false],
  ['https://keptn.example:8443/', 'keptn.example:8443', false],
  ['https://keptn.example/', 'keptn.example:443', false],
  ['https://keptn.example/', 'keptn.example:8443', true],
  ['http://keptn.example/', 'keptn.example:80', false],
  ['https://10.1.2.3/', '10.0.0.0/8', false],
  ['https://11.1.2.3/', '10.0.0.0/8', true],
  ['https://10.1.2.3/', '10.1.2.3', false],
  ['https://10.1.2.3/', '10.1.2.30', true],
  ['https://10.1.2.3/', '10.0.0.0/99', true],
  ['https://keptn.example/', '10.0.0.0/8', true],
  ['https://[fd00::1]/', 'fd00::/8', false],
  ['https://[fe80::1]/', 'fd00::/8', true],
  ['https://[fd00::1]:8443/', '[fd00:0::1]:8443', false],
  ['https://localhost:1/', '', false],
  ['https://127.9.9.9/', '', false],
  ['https://[::1]/', '', false],
]

for (const [target, noProxy, usesProxy] of CASES) {
  test(`${target} with NO_PROXY "${noProxy}" goes ${usesProxy ? 'through the proxy' : 'straight'}`, (t) => {
    t.is(chosen(target, noProxy), usesProxy)
  })
}

test('each scheme has its own proxy, a scheme may be left out, and nonsense is none', (t) => {
  const to = new URL('https://keptn.example/')
  t.is(proxyFor(to, { httpProxy: PROXY }), undefined)
  t.is(proxyFor(to, { httpsProxy: 'proxy.example:3128' })?.href, `${PROXY}/`)
  t.is(proxyFor(to, { httpsProxy: 'http://' }), undefined)
  t.is(proxyFor(new URL('http://keptn.example/'), { httpProxy: PROXY })?.href, `${PROXY}/`)
})
